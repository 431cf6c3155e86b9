import { createHash, randomUUID } from "node:crypto";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";

/**
 * A registry in memory that wants a name and a password, as a process of its own: `<port> <username> <password>`. Speaks as
 * much of the OCI distribution specification (v1.1) as an engine needs to push and pull. Prints a line for each pull that
 * was let in.
 */
const [port = "5000", username = "", password = ""] = process.argv.slice(2);
const wanted = `Basic ${Buffer.from(`${username}:${password}`).toString("base64")}`;
const blobs = new Map<string, Buffer>();
const manifests = new Map<string, { readonly type: string; readonly body: Buffer }>();
const uploads = new Map<string, Buffer[]>();

createServer((request, response) => {
  answer(request, response).catch((error: unknown) => {
    response.writeHead(500).end(String(error));
  });
}).listen(Number(port), "127.0.0.1", () => say("listening"));

async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const { method = "GET", headers } = request;
  const url = new URL(request.url ?? "/", "http://registry");
  const body = await readBody(request);
  if (headers.authorization !== wanted) {
    response.setHeader("www-authenticate", 'Basic realm="registry"');
    fail(response, 401, "UNAUTHORIZED", "authentication required");
    return;
  }
  if (url.pathname === "/v2/") {
    response.writeHead(200).end("{}");
    return;
  }
  const [, name = "", kind = "", reference = ""] =
    /^\/v2\/(.+)\/(manifests|blobs\/uploads|blobs)\/?(.*)$/.exec(url.pathname) ?? [];
  if (kind === "blobs/uploads") {
    upload(method, { name, id: reference, digest: url.searchParams.get("digest") }, body, response);
  } else if (kind === "blobs") {
    const blob = blobs.get(reference);
    if (!blob) {
      fail(response, 404, "BLOB_UNKNOWN", "blob unknown to registry");
      return;
    }
    response.setHeader("docker-content-digest", reference);
    send(method, blob, "application/octet-stream", response);
  } else if (kind === "manifests" && method === "PUT") {
    const digest = digestOf(body);
    const manifest = { type: headers["content-type"] ?? "", body };
    manifests.set(`${name}:${reference}`, manifest).set(`${name}:${digest}`, manifest);
    response.writeHead(201, { "docker-content-digest": digest, location: url.pathname }).end();
  } else if (kind === "manifests") {
    const manifest = manifests.get(`${name}:${reference}`);
    if (!manifest) {
      fail(response, 404, "MANIFEST_UNKNOWN", "manifest unknown");
      return;
    }
    say(`pulled ${name}:${reference}`);
    response.setHeader("docker-content-digest", digestOf(manifest.body));
    send(method, manifest.body, manifest.type, response);
  } else {
    fail(response, 404, "UNSUPPORTED", "not here");
  }
}

function upload(
  method: string,
  what: { readonly name: string; readonly id: string; readonly digest: string | null },
  body: Buffer,
  response: ServerResponse,
): void {
  const id = what.id === "" ? randomUUID() : what.id;
  const pieces = [...(uploads.get(id) ?? []), body];
  if (method === "PUT" && what.digest !== null) {
    blobs.set(what.digest, Buffer.concat(pieces));
    uploads.delete(id);
    response.writeHead(201, { location: `/v2/${what.name}/blobs/${what.digest}` }).end();
    return;
  }
  uploads.set(id, pieces);
  const length = pieces.reduce((sum, piece) => sum + piece.length, 0);
  response
    .writeHead(202, {
      location: `/v2/${what.name}/blobs/uploads/${id}`,
      range: `0-${Math.max(0, length - 1)}`,
      "docker-upload-uuid": id,
    })
    .end();
}

function send(method: string, body: Buffer, type: string, response: ServerResponse): void {
  response.writeHead(200, { "content-type": type, "content-length": body.length });
  response.end(method === "HEAD" ? undefined : body);
}

function fail(response: ServerResponse, status: number, code: string, message: string): void {
  response.writeHead(status, { "content-type": "application/json" });
  response.end(JSON.stringify({ errors: [{ code, message }] }));
}

async function readBody(request: IncomingMessage): Promise<Buffer> {
  const pieces: Buffer[] = [];
  for await (const piece of request as AsyncIterable<Buffer>) {
    pieces.push(piece);
  }
  return Buffer.concat(pieces);
}

function digestOf(body: Buffer): string {
  return `sha256:${createHash("sha256").update(body).digest("hex")}`;
}

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}

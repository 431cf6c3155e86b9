import { execFile } from "node:child_process";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";

const run = promisify(execFile);

/** PEM texts of one side of a connection. */
export interface Certificates {
  readonly ca: string;
  readonly cert: string;
  readonly key: string;
}

/** Makes an authority of its own in a folder, and certificates for a server on this machine and for a client. */
export async function makeCertificates(
  folder: string,
): Promise<{ readonly server: Certificates; readonly client: Certificates }> {
  const at = (name: string) => join(folder, name);
  const openssl = (...args: readonly string[]) => run("openssl", [...args], { cwd: folder });
  const key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"];
  await openssl(
    ...["req", "-x509", ...key, "-keyout", "ca-key.pem", "-out", "ca.pem", "-days", "2"],
    ...["-subj", "/CN=Test authority"],
  );
  for (const [name, usage] of [
    ["server", "subjectAltName=IP:127.0.0.1\nextendedKeyUsage=serverAuth"],
    ["client", "extendedKeyUsage=clientAuth"],
  ] as const) {
    await writeFile(at(`${name}.cnf`), usage);
    await openssl(
      ...["req", ...key, "-keyout", `${name}-key.pem`, "-out", `${name}.csr`],
      ...["-subj", `/CN=${name}`],
    );
    await openssl(
      ...["x509", "-req", "-in", `${name}.csr`, "-CA", "ca.pem", "-CAkey", "ca-key.pem"],
      ...["-CAcreateserial", "-days", "2", "-extfile", `${name}.cnf`, "-out", `${name}.pem`],
    );
  }
  const read = async (name: string): Promise<Certificates> => ({
    ca: await readFile(at("ca.pem"), "utf8"),
    cert: await readFile(at(`${name}.pem`), "utf8"),
    key: await readFile(at(`${name}-key.pem`), "utf8"),
  });
  return { server: await read("server"), client: await read("client") };
}

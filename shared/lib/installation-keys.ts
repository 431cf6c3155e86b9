import { createHash, hkdfSync, randomBytes } from "node:crypto";
import { join } from "node:path";
import { randomToken } from "./ids.ts";
import { readOrCreateSecretFile } from "./secret-file.ts";

const BOX_BYTES = 32;
const COOKIE_LENGTH = 43;

/** What every process of an installation must have in common to read what another has sealed or signed. */
export interface InstallationKeys {
  /** Seals what is stored and must be readable again. */
  readonly box: Buffer;
  /** Signs cookies. */
  readonly cookie: string;
  /** Tells keys apart without telling anything of them. */
  readonly fingerprint: string;
}

/** The keys of `secret`, or without one those in the data folder, made on the first start and readable by their owner only. */
export async function readInstallationKeys(from: {
  readonly dataDirectory: string;
  readonly secret: string | null;
}): Promise<InstallationKeys> {
  const { dataDirectory, secret } = from;
  if (secret !== null) {
    const derive = (purpose: string) =>
      Buffer.from(hkdfSync("sha256", secret, "", `slipway ${purpose}`, BOX_BYTES));
    return withFingerprint(derive("box"), derive("cookies").toString("base64url"));
  }
  const box = await readOrCreateSecretFile(join(dataDirectory, "secret.key"), () =>
    randomBytes(BOX_BYTES).toString("hex"),
  );
  const cookie = await readOrCreateSecretFile(join(dataDirectory, "cookie.key"), () =>
    randomToken(COOKIE_LENGTH),
  );
  return withFingerprint(Buffer.from(box.trim(), "hex"), cookie);
}

function withFingerprint(box: Buffer, cookie: string): InstallationKeys {
  const fingerprint = createHash("sha256")
    .update("slipway keys\n")
    .update(box)
    .update(cookie)
    .digest("hex")
    .slice(0, 16);
  return { box, cookie, fingerprint };
}

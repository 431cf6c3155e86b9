import { createHash, createHmac, timingSafeEqual } from "node:crypto";
import type { Secret } from "../../../shared/config/secret.ts";
import { SIGNATURE_LIFETIME_MS } from "./limits.ts";

/** Whether Slack sent this, just now: docs.slack.dev/authentication/verifying-requests-from-slack. */
export function isSigned(
  request: {
    readonly headers: Readonly<Record<string, string | undefined>>;
    readonly body: string;
  },
  secret: Secret,
  now: Date,
): boolean {
  const timestamp = request.headers["x-slack-request-timestamp"] ?? "";
  const signature = request.headers["x-slack-signature"] ?? "";
  const age = Math.abs(now.getTime() - Number(timestamp) * 1_000);
  return (
    /^\d{1,12}$/.test(timestamp) &&
    age <= SIGNATURE_LIFETIME_MS &&
    isSame(signature, sign(timestamp, request.body, secret))
  );
}

function sign(timestamp: string, body: string, secret: Secret): string {
  const digest = createHmac("sha256", secret.reveal())
    .update(`v0:${timestamp}:${body}`)
    .digest("hex");
  return `v0=${digest}`;
}

/** Compares in constant time, also texts of different lengths. */
function isSame(a: string, b: string): boolean {
  return timingSafeEqual(
    createHash("sha256").update(a).digest(),
    createHash("sha256").update(b).digest(),
  );
}

import type { AppError } from "../../errors/app-error.ts";
import { UpstreamRejected, UpstreamTimeout, UpstreamUnavailable } from "../../errors/catalog.ts";
import type { ProviderFailure } from "./scm.ts";

/**
 * The error a method about one repository throws for what the `…Many` methods yield as a failure, so that every provider
 * sorts the same trouble the same way: try again later, took too long, or said no.
 */
export function scmFailureError(
  failure: ProviderFailure,
  about: { readonly repository: string; readonly operation: string; readonly timeoutMs: number },
  cause?: unknown,
): AppError {
  const { operation, timeoutMs } = about;
  const options = { remedy: failure.remedy, cause };
  if (failure.code === "timeout") {
    return new UpstreamTimeout({ system: about.repository, operation, timeoutMs }, options);
  }
  const why = failure.reason.replace(/\.$/, "");
  if (failure.code === "unavailable") {
    return new UpstreamUnavailable({ system: about.repository, operation, why }, options);
  }
  return new UpstreamRejected({ system: about.repository, operation, why }, options);
}

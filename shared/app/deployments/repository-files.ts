import { scmFailureError } from "../../core/ports/scm-failure.ts";
import { OUTSIDE_TIMEOUT_MS, type DeploymentDeps } from "./deps.ts";

/** Reads files of repositories by the name people say, whichever provider serves them; what deploy targets are given. */
export function createRepositoryFiles({
  scm,
  findRepository,
}: Pick<DeploymentDeps, "scm" | "findRepository">) {
  return {
    async read(
      file: {
        readonly repository: string;
        readonly sha: string;
        readonly path: string;
        readonly maxBytes: number;
      },
      signal: AbortSignal,
    ): Promise<Uint8Array | null> {
      const repository = await findRepository(file.repository, signal);
      return scm(repository.provider).readFile(repository, file, signal);
    },

    async resolve(
      { repository: name, branch }: { readonly repository: string; readonly branch: string },
      signal: AbortSignal,
    ): Promise<string> {
      const repository = await findRepository(name, signal);
      const [result] = await scm(repository.provider).resolveMany(
        [{ repository, ref: branch }],
        signal,
      );
      if (result?.ok === true) {
        return result.sha;
      }
      if (result === undefined) {
        throw new Error("source control answered fewer names than it was asked for");
      }
      throw scmFailureError(result.failure, {
        repository: name,
        operation: `reading the branch "${branch}"`,
        timeoutMs: OUTSIDE_TIMEOUT_MS,
      });
    },
  };
}

import type { Config } from "../../shared/config/config.ts";
import { loadInstallation } from "../services/load-installation.ts";
import type { CliContext } from "./command.ts";

/** The configuration a command works on. Throws ConfigInvalid with every mistake. */
export function loadFor(
  context: Pick<CliContext, "environment" | "cwd" | "configFile">,
  file: string | undefined = context.configFile,
): Config {
  return loadInstallation({
    environment: context.environment,
    cwd: context.cwd,
    ...(file === undefined ? {} : { path: file }),
  });
}

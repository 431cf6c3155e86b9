import { join } from "node:path";
import type { Config } from "../../shared/config/config.ts";
import type { Environment } from "../../shared/config/environment.ts";
import { loadConfig } from "../../shared/config/load-config.ts";
import { deployTargetSchemas } from "../../shared/integrations/deploy/index.ts";
import { scmSchemas } from "../../shared/integrations/scm/index.ts";
import { platformSchemas } from "../platforms/index.ts";
import { sampleConfiguration } from "../../shared/sample/sample-workspace.ts";

/** Where the sample workspace lies in a data directory. */
export function sampleDirectory(dataDir: string): string {
  return join(dataDir, "demo");
}

/** The configuration of this installation, with every provider there is. Throws ConfigInvalid with every mistake. */
export function loadInstallation(options: {
  readonly environment: Environment;
  readonly cwd: string;
  readonly path?: string;
}): Config {
  return loadConfig({
    env: options.environment,
    cwd: options.cwd,
    ...(options.path === undefined ? {} : { path: options.path }),
    providers: { scm: scmSchemas, target: deployTargetSchemas, platform: platformSchemas },
    sample: ({ dataDir }) => sampleConfiguration(sampleDirectory(dataDir)),
  });
}

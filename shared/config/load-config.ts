import { readFileSync, statSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { ConfigInvalid } from "../errors/catalog.ts";
import { checkProviders, type ProviderSchemas } from "./check-providers.ts";
import { complete } from "./complete-config.ts";
import type { Config } from "./config.ts";
import { crossCheck } from "./cross-checks.ts";
import type { Environment } from "./environment.ts";
import { check } from "./explain-issues.ts";
import { createProblems } from "./problems.ts";
import { readYaml, type YamlFile } from "./read-yaml.ts";
import { resolveValues } from "./resolve-values.ts";
import { salvage } from "./salvage.ts";
import { ConfigFile } from "./schema.ts";

const LARGEST_FILE_BYTES = 1024 * 1024;
const DEFAULT_FILE = "config.yaml";

export interface LoadConfigInput {
  /**
   * From `readEnvironment()`. `SLIPWAY_PORT`, `SLIPWAY_HEALTH_PORT`, `SLIPWAY_DATA`, `SLIPWAY_DATABASE_URL` and
   * `SLIPWAY_CONFIG` count more than the file.
   */
  readonly env: Environment;
  readonly cwd: string;
  /** Counts more than `SLIPWAY_CONFIG`. */
  readonly path?: string;
  readonly providers: ProviderSchemas;
  /**
   * What the embedded default contains besides the server: repositories, services and environments, written as in the
   * file. Used only where there is no file.
   */
  readonly sample?: (place: { readonly dataDir: string }) => unknown;
}

/**
 * Reads, completes and checks the configuration. Without a file (none named, no `config.yaml` here) it is the embedded
 * default: loopback only, SQLite in the data folder, embedded identity provider and room, sample workspace.
 * Throws `ConfigInvalid` with every mistake at once.
 */
export function loadConfig(input: LoadConfigInput): Config {
  const file = findFile(input);
  const source = file === null ? sampleSource(input) : fileSource(file, input);
  const baseDir = file === null ? input.cwd : dirname(file);
  const problems = createProblems(file === null ? "default" : shortName(file, input.cwd), (path) =>
    source.lineOf(path),
  );
  const overrides = readOverrides(input.env);
  // An empty file is a file without keys.
  const resolved = resolveValues(source.value ?? {}, { env: input.env, baseDir, problems });
  const parsed = check(ConfigFile, resolved, [], problems) ?? salvage(resolved, problems);
  const providers = checkProviders(resolved, input.providers, problems);
  const config =
    parsed &&
    complete(parsed, providers, {
      file,
      baseDir,
      dataDir: overrides.dataDir === undefined ? undefined : resolve(input.cwd, overrides.dataDir),
      port: overrides.port,
      healthPort: overrides.healthPort,
      databaseUrl: input.env["SLIPWAY_DATABASE_URL"] || undefined,
      problems,
    });
  if (config) {
    crossCheck(config, problems);
  }
  if (!config || problems.list.length > 0 || overrides.problems.length > 0) {
    throw new ConfigInvalid({ problems: [...overrides.problems, ...problems.list] });
  }
  return deepFreeze(config);
}

function findFile({ env, cwd, path }: LoadConfigInput): string | null {
  const named = path ?? env["SLIPWAY_CONFIG"];
  if (named !== undefined && named !== "") {
    return resolve(cwd, named);
  }
  const usual = resolve(cwd, DEFAULT_FILE);
  return statSync(usual, { throwIfNoEntry: false }) ? usual : null;
}

function sampleSource(input: LoadConfigInput): Pick<YamlFile, "value" | "lineOf"> {
  const dataDir = resolve(input.cwd, input.env["SLIPWAY_DATA"] || "data");
  return { value: input.sample?.({ dataDir }), lineOf: () => null };
}

function fileSource(file: string, input: LoadConfigInput): YamlFile {
  const name = shortName(file, input.cwd);
  const yaml = readYaml(name, readText(file, name));
  if (yaml.problems.length > 0) {
    throw new ConfigInvalid({ problems: yaml.problems });
  }
  return yaml;
}

function readText(file: string, name: string): string {
  const fail = (what: string, fix: string) =>
    new ConfigInvalid({ problems: [{ file: name, line: null, path: "", what, fix }] });
  try {
    if (statSync(file).size > LARGEST_FILE_BYTES) {
      throw fail("is longer than 1 MB", "Check that SLIPWAY_CONFIG names the right file.");
    }
    return readFileSync(file, "utf8");
  } catch (error) {
    if (error instanceof ConfigInvalid) {
      throw error;
    }
    const code = error instanceof Error && "code" in error ? String(error.code) : "unknown";
    throw code === "ENOENT"
      ? fail(
          "there is no such file",
          "Check SLIPWAY_CONFIG, or leave it out to start with the embedded default.",
        )
      : fail(`cannot be read (${code})`, "Let Slipway read this file.");
  }
}

/** As the person would name it: relative where it lies below the working directory. */
function shortName(file: string, cwd: string): string {
  return file.startsWith(`${cwd}/`) ? file.slice(cwd.length + 1) : file;
}

interface Overrides {
  readonly port: number | undefined;
  readonly healthPort: number | undefined;
  readonly dataDir: string | undefined;
  readonly problems: ConstructorParameters<typeof ConfigInvalid>[0]["problems"];
}

function readOverrides(env: Environment): Overrides {
  const port = readPort(env, "SLIPWAY_PORT");
  const healthPort = readPort(env, "SLIPWAY_HEALTH_PORT");
  return {
    port: port.value,
    healthPort: healthPort.value,
    dataDir: env["SLIPWAY_DATA"] || undefined,
    problems: [...port.problems, ...healthPort.problems],
  };
}

function readPort(
  env: Environment,
  name: string,
): Pick<Overrides, "problems"> & { readonly value: number | undefined } {
  const written = env[name] || undefined;
  if (written !== undefined && !(/^\d{1,5}$/.test(written) && Number(written) <= 65_535)) {
    const problem = {
      file: "environment",
      line: null,
      path: name,
      what: `"${written.slice(0, 40)}" is not a port`,
      fix: "Set a number from 1 to 65535, or 0 for any free port.",
    };
    return { value: undefined, problems: [problem] };
  }
  return { value: written === undefined ? undefined : Number(written), problems: [] };
}

function deepFreeze<T>(value: T): T {
  if (typeof value === "object" && value !== null && !Object.isFrozen(value)) {
    Object.freeze(value);
    Object.values(value).forEach(deepFreeze);
  }
  return value;
}

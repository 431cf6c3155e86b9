import { execFileSync } from "node:child_process";
import { tmpdir } from "node:os";
import { parse } from "yaml";
import { readEnvironment } from "../../../../config/environment.ts";

/** What `describeWith` says is missing where docker cannot render. */
export const DOCKER_PART = "docker CLI ≥ 23";

const PATH = readEnvironment()["PATH"] ?? "/usr/bin:/bin";

/** Whether this machine has a docker program that renders stack files; it needs no engine. */
export const hasDockerCli = canRender();

function canRender(): boolean {
  try {
    execFileSync("docker", ["stack", "config", "--help"], { env: { PATH, HOME: tmpdir() } });
    return true;
  } catch {
    return false;
  }
}

/** What docker makes of a stack file; null when it refuses it. */
export function dockerRenders(
  content: string,
  variables: Readonly<Record<string, string>>,
): Readonly<Record<string, unknown>> | null {
  try {
    const stdout = execFileSync("docker", ["stack", "config", "-c", "-"], {
      input: content,
      env: { ...variables, PATH, HOME: tmpdir() },
      stdio: ["pipe", "pipe", "ignore"],
    });
    return parse(stdout.toString("utf8")) as Readonly<Record<string, unknown>>;
  } catch {
    return null;
  }
}

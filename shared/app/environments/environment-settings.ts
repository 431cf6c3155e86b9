import type { SignOffPolicy } from "../../core/sign-off.ts";
import { EnvironmentNotFound } from "../../errors/catalog.ts";

/** What the configuration says about one environment, as far as use cases need it. Durations are milliseconds. */
export interface EnvironmentSettings {
  readonly name: string;
  readonly branch: string | null;
  /** The only environment it may be promoted from; null: any. */
  readonly promoteFrom: string | null;
  readonly signOff: SignOffPolicy;
  /** When a release moves the destination branch: after its deploy, before it, or never. */
  readonly land: "after" | "before" | "off";
  readonly target: { readonly kind: string };
  readonly timeouts: {
    readonly deployMs: number;
    readonly migrateMs: number;
    readonly verifyMs: number;
  };
  /** How long a service must stay healthy before it counts as verified. */
  readonly settleMs: number;
}

/** The environment called `name`, whatever its case. Throws EnvironmentNotFound. */
export function findEnvironment(
  environments: readonly EnvironmentSettings[],
  name: string,
): EnvironmentSettings {
  const wanted = name.trim().toLowerCase();
  const found = environments.find((environment) => environment.name.toLowerCase() === wanted);
  if (!found) {
    throw new EnvironmentNotFound({
      environment: name,
      known: environments.map((environment) => environment.name),
    });
  }
  return found;
}

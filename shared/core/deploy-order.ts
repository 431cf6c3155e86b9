import type { Verdict } from "./verdict.ts";

export interface OrderItem {
  readonly service: string;
  readonly dependsOn: readonly string[];
  readonly isExcluded: boolean;
}

/** Services that may be deployed at the same time. Numbers start at 1. */
export interface Wave {
  readonly number: number;
  /** Sorted by name. */
  readonly services: readonly string[];
}

export interface OrderNote {
  readonly level: "note" | "warning";
  readonly kind: "outside" | "excluded" | "unknown";
  readonly service: string;
  readonly on: string;
  readonly text: string;
}

export interface DeployOrder {
  /** Empty when there is a cycle: an order that is half right is not shown. */
  readonly waves: readonly Wave[];
  /** One cycle, first and last name equal (`a, b, c, a`: a depends on b, and so on); null when there is none. */
  readonly cycle: readonly string[] | null;
  readonly notes: readonly OrderNote[];
}

/** Groups the non-excluded items in waves: everything a service depends on is in an earlier wave. */
export declare function deployOrder(
  items: readonly OrderItem[],
  knownServices: ReadonlySet<string>,
): DeployOrder;

/** `auth → api → auth`. */
export declare function cycleText(cycle: readonly string[]): string;

/** Last wave first, for rollback; waves keep their numbers. */
export declare function reverseWaves(waves: readonly Wave[]): readonly Wave[];

/** The waves that remain of a partial deploy; waves keep their numbers, empty ones are left out. Null = no limit. */
export declare function wavesFor(
  waves: readonly Wave[],
  limit: { readonly only: readonly string[] | null; readonly fromWave: number | null },
): readonly Wave[];

/** Whether `service` may be said to depend on `on`. */
export declare function checkDependency(
  service: string,
  on: string,
  knownServices: readonly string[],
): Verdict;

/** Quantiles of one set of numbers, in the unit of those numbers. */
export interface Distribution {
  readonly count: number;
  readonly median: number;
  readonly p50: number;
  readonly p95: number;
  readonly p99: number;
  readonly min: number;
  readonly max: number;
}

/** What one of the compared things reached. */
export interface Result {
  readonly name: string;
  /** The number the goal speaks of: the quantile named by `headline`, over the samples of all rounds. */
  readonly value: number;
  readonly headline: Headline;
  readonly rounds: number;
  readonly distribution: Distribution;
}

export type Headline = "median" | "p95" | "p99" | "max";

/** One of the compared things. */
export interface Contender {
  readonly name: string;
  /** One round: its samples, e.g. a rate (one number) or a duration per request (many). */
  measure(): Promise<readonly number[]>;
}

/**
 * Measures contenders turn by turn, each once per round, in the order given and the other way round by turns, so that what
 * else the machine does hits all of them alike. The first `warmUps` rounds are thrown away. Results come in the order of the
 * contenders.
 */
export async function compare(
  contenders: readonly Contender[],
  options: { readonly rounds: number; readonly headline: Headline; readonly warmUps?: number },
): Promise<readonly Result[]> {
  const samples = new Map<string, number[]>(contenders.map(({ name }) => [name, []]));
  const warmUps = options.warmUps ?? 1;
  for (let round = -warmUps; round < options.rounds; round += 1) {
    const turn = round % 2 === 0 ? contenders : [...contenders].reverse();
    for (const contender of turn) {
      const measured = await contender.measure();
      if (round >= 0) {
        samples.get(contender.name)?.push(...measured);
      }
    }
  }
  return contenders.map(({ name }) =>
    summarise(name, samples.get(name) ?? [], { ...options, rounds: options.rounds }),
  );
}

/** Sums up samples that were taken elsewhere. */
export function summarise(
  name: string,
  samples: readonly number[],
  options: { readonly rounds: number; readonly headline: Headline },
): Result {
  const distribution = distributionOf(samples);
  return {
    name,
    value: distribution[options.headline],
    headline: options.headline,
    rounds: options.rounds,
    distribution,
  };
}

/** Nearest-rank quantiles; the median is the middle of the two middle ones. Throws when there is no sample. */
export function distributionOf(samples: readonly number[]): Distribution {
  if (samples.length === 0) {
    throw new Error("nothing was measured");
  }
  const sorted = [...samples].sort((a, b) => a - b);
  return {
    count: sorted.length,
    median: (at(sorted, (sorted.length - 1) >> 1) + at(sorted, sorted.length >> 1)) / 2,
    p50: quantile(sorted, 0.5),
    p95: quantile(sorted, 0.95),
    p99: quantile(sorted, 0.99),
    min: at(sorted, 0),
    max: at(sorted, sorted.length - 1),
  };
}

/** Milliseconds that `work` takes. */
export async function timed(work: () => unknown): Promise<number> {
  const start = performance.now();
  await work();
  return performance.now() - start;
}

function quantile(sorted: readonly number[], share: number): number {
  return at(sorted, Math.max(0, Math.ceil(sorted.length * share) - 1));
}

function at(sorted: readonly number[], index: number): number {
  return sorted[index] ?? Number.NaN;
}

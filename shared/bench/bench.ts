import { execFileSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { availableParallelism, cpus, loadavg, release, totalmem, type } from "node:os";
import { parseArgs } from "node:util";
import { projectRoot } from "./paths.ts";
import {
  toMachineLine,
  toTable,
  type Machine,
  type Report,
  type ScenarioReport,
} from "./report.ts";
import { NotHere, type RunContext, type Scenario } from "./scenario.ts";
import { scenarios } from "./scenarios/index.ts";

const USAGE = `Measures Slipway beside its peers and lower bounds. See shared/bench/README.md.

  npm run bench -- [--only name[,name…]] [--json file] [--quick] [--strict]

  --only    run these: ${scenarios.map(({ name }) => name).join(", ")}
  --json    write everything that was measured to this file; - for standard output
  --quick   smaller and shorter: shows that everything works, not how fast it is
  --strict  exit 1 when a goal is missed, and not only when something broke
`;

const { values } = parseArgs({
  options: {
    only: { type: "string" },
    json: { type: "string" },
    quick: { type: "boolean", default: false },
    strict: { type: "boolean", default: false },
    help: { type: "boolean", short: "h", default: false },
  },
});

if (values.help) {
  process.stdout.write(USAGE);
} else {
  // Nothing a scenario left behind may keep the run from ending.
  process.exit(await run());
}

/** Exit code: 2 for a wrong name, 1 when something broke. */
async function run(): Promise<number> {
  const chosen = choose(values.only);
  if (chosen === undefined) {
    process.stderr.write(`There is no scenario called so.\n\n${USAGE}`);
    return 2;
  }
  const context: RunContext = {
    isQuick: values.quick,
    progress: (text) => process.stderr.write(`  ${text}\n`),
  };
  const begun: Omit<Report, "scenarios"> = {
    startedAt: new Date().toISOString(),
    commit: currentCommit(),
    isQuick: values.quick,
    machine: thisMachine(),
  };
  const done: ScenarioReport[] = [];
  for (const [index, scenario] of chosen.entries()) {
    process.stderr.write(`[${index + 1}/${chosen.length}] ${scenario.title}\n`);
    done.push(await runOne(scenario, context));
  }
  const report: Report = { ...begun, scenarios: done };
  show(report);
  const isBroken = done.some(({ failed }) => failed !== null);
  const isMissed = done.some(({ rows }) =>
    rows.some(({ goals }) => goals.some(({ isMet }) => !isMet)),
  );
  return isBroken || (values.strict && isMissed) ? 1 : 0;
}

async function runOne(scenario: Scenario, context: RunContext): Promise<ScenarioReport> {
  const started = performance.now();
  const about = { name: scenario.name, title: scenario.title };
  const seconds = () => Math.round((performance.now() - started) / 100) / 10;
  try {
    const rows = await scenario.run(context);
    return { ...about, rows, seconds: seconds(), skipped: null, failed: null };
  } catch (error) {
    if (error instanceof NotHere) {
      return { ...about, rows: [], seconds: seconds(), skipped: error.message, failed: null };
    }
    process.stderr.write(
      `${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`,
    );
    const failed = error instanceof Error ? error.message : String(error);
    return {
      ...about,
      rows: [],
      seconds: seconds(),
      skipped: null,
      failed: failed.split("\n")[0] ?? "",
    };
  }
}

function show(report: Report): void {
  const json = `${JSON.stringify(report, null, 2)}\n`;
  if (values.json === "-") {
    process.stdout.write(json);
    return;
  }
  process.stdout.write(`\n${toTable(report)}\n\n${toMachineLine(report)}\n`);
  if (values.json !== undefined) {
    writeFileSync(values.json, json);
  }
}

function choose(only: string | undefined): readonly Scenario[] | undefined {
  if (only === undefined) {
    return scenarios;
  }
  const names = only.split(",").map((name) => name.trim());
  const chosen = scenarios.filter(({ name }) => names.includes(name));
  return chosen.length === new Set(names).size ? chosen : undefined;
}

function thisMachine(): Machine {
  return {
    cores: availableParallelism(),
    processor: cpus()[0]?.model.trim() ?? "unknown",
    memoryGb: Math.round(totalmem() / 2 ** 30),
    platform: `${type()} ${release()}`,
    node: process.versions.node,
    loadAtStart: loadavg()[0] ?? 0,
  };
}

/** Null outside a checkout. */
function currentCommit(): string | null {
  try {
    return execFileSync("git", ["-C", projectRoot, "rev-parse", "--short=12", "HEAD"], {
      encoding: "utf8",
      stdio: ["ignore", "pipe", "ignore"],
    }).trim();
  } catch {
    return null;
  }
}

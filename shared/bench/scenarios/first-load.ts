import { existsSync, readFileSync } from "node:fs";
import { gzipSync } from "node:zlib";
import { chromiumPath, launchBrowser, signIn } from "../../../bot/scenarios/testing/browser.ts";
import { startServer } from "../../../bot/scenarios/testing/server-process.ts";
import { withCleanUp, type CleanUp } from "../clean-up.ts";
import type { RunContext, Scenario } from "../scenario.ts";
import { compare, summarise, type Contender } from "../measure.ts";
import { inProject } from "../paths.ts";
import { atMost, type Row } from "../report.ts";

const GOAL_KB = 170;
const GOAL_MS = 1_000;
/** What a person sees first, and what it consists of. */
const FIRST_PAGE = "src/views/ReleaseListView.vue";
const FRAMEWORK = [
  "vue/dist/vue.runtime.global.prod.js",
  "vue-router/dist/vue-router.global.prod.js",
  "pinia/dist/pinia.iife.prod.js",
];

export const firstLoadScenario: Scenario = {
  name: "first-load",
  title: "First page of the dashboard",
  run: (context) =>
    withCleanUp(async (cleanUp) => {
      const size = measureSize();
      if (chromiumPath === undefined) {
        context.progress("there is no Chromium here: only the size is measured");
        return [size];
      }
      return [size, await measureLoad(context, cleanUp)];
    }),
};

/** One file as vite's manifest tells of it. */
interface Chunk {
  readonly file: string;
  readonly isEntry?: boolean;
  readonly imports?: readonly string[];
}

function measureSize(): Row {
  const manifest = JSON.parse(
    readFileSync(inProject("dist/web/.vite/manifest.json"), "utf8"),
  ) as Readonly<Record<string, Chunk>>;
  const entries = Object.keys(manifest).filter((name) => manifest[name]?.isEntry === true);
  const needed = new Set<string>();
  const left = [...entries, FIRST_PAGE];
  for (let name = left.pop(); name !== undefined; name = left.pop()) {
    const chunk = manifest[name];
    if (chunk === undefined) {
      throw new Error(`${name} is not in the manifest`);
    }
    if (!needed.has(chunk.file)) {
      needed.add(chunk.file);
      left.push(...(chunk.imports ?? []));
    }
  }
  const ours = compressed([...needed].map((file) => `dist/web/${file}`));
  const framework = compressed(FRAMEWORK.map((file) => `node_modules/${file}`));
  const once = { rounds: 1, headline: "median" } as const;
  return {
    what: `JavaScript of the first page, compressed (${needed.size} files)`,
    unit: "kB",
    ours: summarise("Slipway", [ours], once),
    beside: [summarise("Vue, its router and Pinia alone", [framework], once)],
    goals: [atMost(ours, GOAL_KB, `${GOAL_KB} kB`)],
  };
}

function compressed(files: readonly string[]): number {
  const bytes = files
    .map((file) => inProject(file))
    .filter((file) => existsSync(file))
    .map((file) => gzipSync(readFileSync(file)).length);
  return bytes.reduce((sum, length) => sum + length, 0) / 1_000;
}

async function measureLoad({ isQuick, progress }: RunContext, cleanUp: CleanUp): Promise<Row> {
  const server = await cleanUp.use(startServer(), (started) => started.dispose());
  const browser = await cleanUp.use(launchBrowser(), (started) => started.close());
  progress("signing in once, then opening the page with nothing cached");
  const first = await signIn(browser, server.url, /dana/i);
  const storageState = await first.context().storageState();
  await first.context().close();

  const open = async (path: string, isUsable: string): Promise<number> => {
    const context = await browser.newContext({ storageState });
    const page = await context.newPage();
    await page.goto(`${server.url}${path}`, { waitUntil: "commit" });
    // Counted by the page itself, from the start of the navigation.
    const shown = page.locator(isUsable).first();
    await shown.waitFor();
    const took = await shown.evaluate(() => performance.now());
    await context.close();
    return Number(took);
  };
  const contenders: readonly Contender[] = [
    {
      name: "Slipway",
      // The list has answered: rows, or the words that there are none.
      measure: async () => [await open("/releases", "main table, main .panel a[href='/room']")],
    },
    {
      name: "an answer without a page",
      measure: async () => [await open("/health/live", "body")],
    },
  ];
  const [ours, ...beside] = await compare(contenders, {
    rounds: isQuick ? 3 : 15,
    headline: "median",
    warmUps: 2,
  });
  if (!ours) {
    throw new Error("nothing was measured");
  }
  return {
    what: "first page usable in Chromium, nothing cached",
    unit: "ms",
    ours,
    beside,
    goals: [atMost(ours.value, GOAL_MS, `${GOAL_MS / 1_000} s`)],
  };
}

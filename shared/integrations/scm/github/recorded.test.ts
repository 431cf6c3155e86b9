import { createServer, type Server } from "node:http";
import { createRequire } from "node:module";
import type { AddressInfo } from "node:net";
import { afterEach, describe, expect, it } from "vitest";
import { z } from "zod";
import { Secret } from "../../../config/secret.ts";
import { createMemoryCache } from "../memory-cache.ts";
import { createGithubClient } from "./client.ts";
import type { GithubFailed } from "./failures.ts";
import { reportStatus } from "./reports.ts";
import { IN_A_HURRY } from "./testing/github-workbench.ts";

/** Answers of the real GitHub, as they were recorded. */
interface Recorded {
  readonly method: string;
  readonly path: string;
  readonly status: number;
  readonly response: unknown;
  readonly headers: Readonly<Record<string, string>>;
}

const require = createRequire(import.meta.url);
const never = new AbortController().signal;
let server: Server | undefined;

afterEach(async () => {
  server?.closeAllConnections();
  await new Promise((resolve) => server?.close(resolve) ?? resolve(undefined));
});

/** Plays them back, each once, with GitHub's address replaced by ours. */
async function replay(recorded: readonly Recorded[]) {
  const asked: string[] = [];
  const left = [...recorded];
  server = createServer((request, response) => {
    const path = (request.url ?? "").replace(/[?&](?:page=1|per_page=100)(?=&|$)/g, "");
    asked.push(`${request.method} ${path}`);
    const at = left.findIndex(
      (one) => one.method.toUpperCase() === request.method && one.path === path,
    );
    const [found] = at < 0 ? [] : left.splice(at, 1);
    const local = (text: string) => text.replaceAll("https://api.github.com", base);
    response.writeHead(found?.status ?? 404, {
      "content-type": "application/json; charset=utf-8",
      ...(found?.headers["location"] === undefined
        ? {}
        : { location: local(found.headers["location"]) }),
    });
    response.end(local(JSON.stringify(found?.response ?? { message: "Not Found" })));
  });
  await new Promise<void>((resolve) => server?.listen(0, "127.0.0.1", resolve));
  const base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const moved: string[] = [];
  const client = createGithubClient(
    {
      token: new Secret("0000000000000000000000000000000000000001"),
      app: undefined,
      base_url: base,
      timeout: 20_000,
      longest_wait: 1_000,
      concurrency: 4,
    },
    { ...IN_A_HURRY, cache: createMemoryCache(), onMoved: (path) => moved.push(path) },
  );
  return { client, asked, moved };
}

describe("what GitHub really answered", () => {
  const renamed =
    require("@octokit/fixtures/scenarios/api.github.com/rename-repository/normalized-fixture.json") as Recorded[];
  const path = "/repos/octokit-fixture-org/rename-repository";
  const about = { path, about: "it", operation: "looking at it" };

  it("to a question about a renamed repository is followed", async () => {
    const { client, moved } = await replay(renamed);
    const { data } = await client.read(
      { ...about, schema: z.object({ full_name: z.string() }) },
      never,
    );
    expect(data.full_name).toBe("octokit-fixture-org/rename-repository-newname");
    expect(moved).toEqual([path]);
  });

  it("to a change of a renamed repository is followed as the same change", async () => {
    const { client, asked } = await replay(
      renamed.filter(({ status, path: at }) => status === 307 || at.startsWith("/repositories")),
    );
    await client.write(
      { ...about, method: "PATCH", body: { name: "x" }, schema: z.object({ id: z.number() }) },
      never,
    );
    expect(asked).toEqual([`PATCH ${path}`, "PATCH /repositories/1000"]);
  });

  it("to a wrong request is told with the fields that were wrong", async () => {
    const { client } = await replay(
      require("@octokit/fixtures/scenarios/api.github.com/errors/normalized-fixture.json") as Recorded[],
    );
    const error: unknown = await client
      .write(
        {
          ...about,
          path: "/repos/octokit-fixture-org/errors/labels",
          method: "POST",
          body: { name: "foo", color: "invalid" },
          schema: z.unknown(),
        },
        never,
      )
      .catch((caught: unknown) => caught);
    expect((error as GithubFailed).refusal).toEqual({
      status: 422,
      message: "Validation Failed: Label color invalid",
    });
  });

  it("about statuses is understood: one that is there is not said again, a new one is", async () => {
    const recorded =
      require("@octokit/fixtures/scenarios/api.github.com/create-status/normalized-fixture.json") as Recorded[];
    const sha = "0000000000000000000000000000000000000001";
    const { client, asked } = await replay(recorded);
    const site = {
      client,
      address: { owner: "octokit-fixture-org", name: "create-status" },
      about: "it",
      signal: never,
    };
    await reportStatus(site, sha, {
      context: "example/1",
      state: "failure",
      description: "create-status failure test",
      url: "https://example.com",
    });
    expect(asked).toHaveLength(1);
  });
});

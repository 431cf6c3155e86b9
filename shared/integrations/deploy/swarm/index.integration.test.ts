import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, expect, it } from "vitest";
import { createRepositoryFinder } from "../../../app/deployments/find-repository.ts";
import { createRepositoryFiles } from "../../../app/deployments/repository-files.ts";
import { readEnvironment } from "../../../config/environment.ts";
import type { DeployTarget, DesiredState } from "../../../core/ports/deploy-target.ts";
import { describeWith } from "../../../testing/needs.ts";
import { commitTo, initRepository } from "../../scm/git/testing/git-workbench.ts";
import { createScm } from "../../scm/index.ts";
import { createDeployTarget } from "../index.ts";
import { SwarmOptions } from "./options.ts";
import { hasSwarm, startSwarm, SWARM_PART, type TestSwarm } from "./testing/swarm.ts";

const never = new AbortController().signal;
const clock = { now: () => new Date() };

/** A stack file as people would write it: health checks, rollback, quick enough for a test. */
const STACK = `version: "3.8"
x-service: &service
  deploy: &deploy
    replicas: 2
    restart_policy: { delay: 100ms }
    update_config: { failure_action: rollback, monitor: 1s, order: start-first }
services:
  api:
    <<: *service
    image: shop/api:\${API_VERSION:?}
    configs: [{ source: app, target: /etc/app.json }]
  web:
    <<: *service
    image: shop/web:\${WEB_VERSION:?}
configs:
  app: { file: ./app.json }
`;

describeWith(SWARM_PART, hasSwarm)("a rollout from a git repository", () => {
  let swarm: TestSwarm;
  let folder: string;
  let path: string;
  let target: DeployTarget;
  let log: string[];
  let number = 0;

  beforeAll(async () => {
    swarm = await startSwarm();
    await Promise.all([
      swarm.image("shop/api:1.0.0"),
      swarm.image("shop/api:1.1.0"),
      swarm.image("shop/web:1.0.0"),
      swarm.image("shop/api:2.0.0", { behaviour: "crash" }),
    ]);
    folder = await mkdtemp(join(tmpdir(), "slipway rollout é-"));
    path = join(folder, "repos", "shop");
    await initRepository(path, "bare");
    const scm = createScm(
      { provider: "git", options: { root: "repos", timeout: 30_000, concurrency: 4 } },
      {
        id: "git:0",
        dataDirectory: folder,
        baseDir: folder,
        processEnvironment: readEnvironment(),
      },
    );
    target = createDeployTarget(
      {
        kind: "swarm",
        options: SwarmOptions.parse({
          host: swarm.host,
          stack: "shop",
          compose: "deploy/stack.yml",
          migrate: { command: ["/bin/sh", "-c", "echo migrated $VERSION"] },
        }),
      },
      {
        environment: "prod",
        baseDir: folder,
        processEnvironment: readEnvironment(),
        secrets: [],
        clock,
        repositoryFiles: createRepositoryFiles(createRepositoryFinder([scm], clock)),
      },
    );
  });
  afterAll(async () => {
    await swarm.stop();
    await rm(folder, { recursive: true, force: true });
  });
  beforeEach(() => {
    log = [];
  });

  const run = () => ({ log: (line: string) => void log.push(line), signal: never });

  function commit(app: string, stack = STACK): Promise<string> {
    const files = { "deploy/stack.yml": stack, "deploy/app.json": app };
    return commitTo(path, "uat", { title: "feat: more", files });
  }

  function wanted(service: string, version: string, sha: string): DesiredState {
    number += 1;
    return {
      service,
      environment: "prod",
      version,
      commit: sha,
      digest: null,
      repositoryUrl: null,
      repository: "shop",
      path: "",
      commits: { shop: sha },
      deployment: number,
      fencingToken: number,
    };
  }

  it("goes out, is planned, is broken, rolled back by Swarm, and taken back by us", async () => {
    const first = await commit('{"a":1}');
    const one = wanted("api", "1.0.0", first);
    expect(await target.plan([one], never)).toMatchObject([
      { service: "api", from: null, to: "1.0.0", change: "create" },
    ]);
    expect(await target.apply(one, run())).toEqual({ outcome: "applied" });
    expect(await target.apply(wanted("web", "1.0.0", first), run())).toEqual({
      outcome: "applied",
    });
    expect(await target.observe(["api", "web", "none"], never)).toMatchObject([
      { version: "1.0.0", commit: first, health: "healthy" },
      { version: "1.0.0", commit: first, health: "healthy" },
      { version: null, health: "absent" },
    ]);
    expect(await target.apply(wanted("api", "1.0.0", first), run())).toEqual({
      outcome: "unchanged",
    });

    const second = await commit('{"a":2}');
    const two = wanted("api", "1.1.0", second);
    expect(await target.migrate?.(two, run())).toEqual({ outcome: "applied" });
    expect(log.join("\n")).toContain("migrated 1.1.0");
    expect(await target.apply(two, run())).toEqual({ outcome: "applied" });
    expect((await swarm.docker("config", "ls", "--format", "{{.Name}}")).split("\n")).toHaveLength(
      2,
    );

    const bad = wanted("api", "2.0.0", await commit('{"a":3}'));
    expect(await target.apply(bad, run())).toMatchObject({ outcome: "failed", cause: "crash" });
    expect(await target.observe(["api"], never)).toMatchObject([{ version: "1.1.0" }]);

    expect(await target.apply(wanted("api", "1.0.0", first), run())).toEqual({
      outcome: "applied",
    });
    expect(await target.observe(["api", "web"], never)).toMatchObject([
      { version: "1.0.0", commit: first, health: "healthy" },
      { version: "1.0.0", health: "healthy" },
    ]);
    expect(await swarm.docker("service", "ls", "--format", "{{.Name}}")).toBe("shop_api\nshop_web");
  });
});

import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { AppError } from "../errors/app-error.ts";
import { RefInvalid } from "../errors/catalog.ts";
import type {
  CommitStatus,
  DeploymentReport,
  ProviderCall,
  RepoRef,
  ScmProvider,
} from "../core/ports/scm.ts";
import type { ScmWorkbench } from "./scm-contract.ts";

/** What a forge can do and plain git cannot. */
export type Forge = ScmProvider &
  Required<
    Pick<
      ScmProvider,
      "pullRequest" | "openPullRequest" | "reportStatus" | "reportDeployment" | "budgets" | "hear"
    >
  >;

/** A forge, and a way to see what it was told and to be called by it. */
export interface ForgeWorkbench extends ScmWorkbench {
  readonly provider: Forge;
  /** Statuses the forge shows beside a commit, newest of each context. */
  statuses(repository: RepoRef, sha: string): Promise<readonly CommitStatus[]>;
  /** Deployments the forge knows of, each with its last state, oldest first. */
  deployments(
    repository: RepoRef,
  ): Promise<readonly Pick<DeploymentReport, "environment" | "sha" | "state">[]>;
  /** The call the forge makes after a push to a branch, signed as it signs. */
  pushCall(repository: RepoRef, branch: string, deliveryId: string): ProviderCall;
}

/** What every forge must do beyond `scmContract`. */
export function forgeContract(name: string, setup: () => Promise<ForgeWorkbench>): void {
  describe(`${name} keeps the contract of a forge`, () => {
    const never = new AbortController().signal;
    let bench: ForgeWorkbench;
    let repositories = 0;

    beforeAll(async () => {
      bench = await setup();
    });
    afterAll(async () => {
      await bench.close();
    });

    /** A repository whose `uat` is one commit ahead of `master`. */
    async function ahead() {
      repositories += 1;
      const repository = await bench.repository(`forge-service-${repositories}`);
      const root = await bench.commit(repository, "master", {
        title: "chore: begin",
        files: { "README.md": "one\n" },
      });
      await bench.move(repository, "uat", root);
      const head = await bench.commit(repository, "uat", {
        title: "feat: more",
        files: { "a.ts": "1\n" },
      });
      return { repository, root, head };
    }

    describe("pull requests", () => {
      const request = { base: "master", head: "uat", title: "Release #12", body: "From uat." };

      it("opens one of exactly that pair, which is found afterwards", async () => {
        const { repository } = await ahead();
        expect(await bench.provider.pullRequest(repository, "master", "uat", never)).toBeNull();
        const opened = await bench.provider.openPullRequest(repository, request, never);
        expect(opened).toMatchObject({ state: "open", title: "Release #12" });
        expect(opened.url).toMatch(/^https?:\/\//);
        const found = await bench.provider.pullRequest(repository, "master", "uat", never);
        expect(found).toMatchObject({ number: opened.number, state: "open" });
      });

      it("answers the one that is open instead of opening a second", async () => {
        const { repository } = await ahead();
        const first = await bench.provider.openPullRequest(repository, request, never);
        const second = await bench.provider.openPullRequest(
          repository,
          { ...request, title: "Another title" },
          never,
        );
        expect(second.number).toBe(first.number);
      });

      it("refuses one without anything to review", async () => {
        const { repository, root } = await ahead();
        await bench.move(repository, "uat", root);
        await expect(
          bench.provider.openPullRequest(repository, request, never),
        ).rejects.toBeInstanceOf(AppError);
      });

      it.each(["--upload-pack=x", "a b", "a..b"])("refuses the branch %j", async (head) => {
        const { repository } = await ahead();
        await expect(
          bench.provider.openPullRequest(repository, { ...request, head }, never),
        ).rejects.toBeInstanceOf(RefInvalid);
      });
    });

    describe("telling it", () => {
      const status: CommitStatus = {
        context: "slipway/prod",
        state: "pending",
        description: "Release #12 waits for qa.",
        url: "https://releases.example.com/releases/12",
      };

      it("shows the newest status of a context beside the commit", async () => {
        const { repository, head } = await ahead();
        const { reportStatus } = bench.provider;
        await reportStatus(repository, head, status, never);
        await reportStatus(repository, head, { ...status, state: "success" }, never);
        const shown = await bench.statuses(repository, head);
        expect(shown.filter(({ context }) => context === "slipway/prod")).toMatchObject([
          { state: "success", url: status.url },
        ]);
      });

      it("takes a description of any length", async () => {
        const { repository, head } = await ahead();
        const description = `Rejected: ${"ü".repeat(5_000)}`;
        await bench.provider.reportStatus(repository, head, { ...status, description }, never);
        const [shown] = await bench.statuses(repository, head);
        expect(shown?.description).toMatch(/^Rejected: ü/);
      });

      it("moves one record of a deployment on, however often it is told", async () => {
        const { repository, head } = await ahead();
        const report: DeploymentReport = {
          deployment: 7,
          environment: "prod",
          sha: head,
          state: "queued",
          description: "Deployment #7 waits to start.",
          url: "https://releases.example.com/deployments/7",
        };
        for (const state of ["queued", "queued", "in_progress", "success", "success"] as const) {
          await bench.provider.reportDeployment(repository, { ...report, state }, never);
        }
        expect(await bench.deployments(repository)).toMatchObject([
          { environment: "prod", sha: head, state: "success" },
        ]);
      });

      it("says so when the commit does not exist", async () => {
        const { repository } = await ahead();
        await expect(
          bench.provider.reportStatus(repository, "0".repeat(40), status, never),
        ).rejects.toBeInstanceOf(AppError);
      });
    });

    describe("hearing it", () => {
      it("knows which branch of which repository was pushed", async () => {
        const { repository } = await ahead();
        const news = await bench.provider.hear(bench.pushCall(repository, "uat", "delivery-1"));
        expect(news).toEqual({
          kind: "changed",
          deliveryId: "delivery-1",
          repository,
          branches: ["uat"],
        });
      });

      it("believes nobody who changed a byte, signs nothing, or signs something else", async () => {
        const { repository } = await ahead();
        const call = bench.pushCall(repository, "uat", "delivery-2");
        const other = bench.pushCall(repository, "master", "delivery-2");
        const forgeries = [
          { ...call, body: `${call.body} ` },
          { ...call, body: other.body },
          { headers: {}, body: call.body },
          { ...call, body: "" },
        ];
        for (const forgery of forgeries) {
          expect(await bench.provider.hear(forgery)).toEqual({ kind: "forged" });
        }
      });
    });

    it("tells its request allowances without asking for them", () => {
      for (const budget of bench.provider.budgets()) {
        expect(budget.remaining).toBeLessThanOrEqual(budget.limit);
        expect(budget.resetsAt).toBeInstanceOf(Date);
      }
    });
  });
}

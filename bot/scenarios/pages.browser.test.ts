import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, expect, it } from "vitest";
import { describeWith } from "../../shared/testing/needs.ts";
import { chromiumPath, launchBrowser, picture, signIn } from "./testing/browser.ts";
import { branchOf, commitOnUat, deployedCommit } from "./testing/repository.ts";
import { startServer, type ServerProcess } from "./testing/server-process.ts";

const axeSource = readFileSync(
  createRequire(import.meta.url).resolve("axe-core/axe.min.js"),
  "utf8",
);

describeWith("Chromium", chromiumPath !== undefined)("the main job, in a real browser", () => {
  let server: ServerProcess;
  let browser: Browser;
  let dana: Page;
  let quinn: Page;
  let olivia: Page;
  const complaints: string[] = [];

  beforeAll(async () => {
    server = await startServer();
    browser = await launchBrowser();
    dana = await signIn(browser, server.url, /Dana/);
    quinn = await signIn(browser, server.url, /Quinn/);
    olivia = await signIn(browser, server.url, /Olivia/);
    for (const page of [dana, quinn, olivia]) {
      page.on("pageerror", (error) => complaints.push(error.message));
      page.on("console", (message) => {
        if (message.type() === "error" && !message.text().includes("status of 409")) {
          complaints.push(message.text());
        }
      });
    }
  });
  afterAll(async () => {
    await browser?.close();
    await server?.dispose();
  });

  it("creates a release by talking to the bot and signs it with a button", async () => {
    await dana.getByRole("link", { name: "Room", exact: true }).click();
    const composer = dana.getByRole("textbox", { name: "Message to releases" });
    await composer.fill("@slipway create-release uat master");
    await composer.press("Enter");
    await dana.getByRole("button", { name: "Approve as Dev" }).first().click();
    await dana.getByText(/Dana/).first().waitFor();
    await picture(dana, "room");

    await quinn.goto(`${server.url}/releases`);
    await quinn.getByRole("link", { name: "#1", exact: true }).click();
    await quinn.getByText("1 of 1 signed").waitFor();
    await picture(quinn, "release-half-signed");
  });

  it("says on the disabled button why the release cannot be deployed yet", async () => {
    const deploy = quinn.getByRole("button", { name: /Deploy to prod/ });

    expect(await deploy.getAttribute("aria-disabled")).toBe("true");
    expect(await deploy.getAttribute("title")).not.toBe("");
  });

  it("signs on the page, live for everybody who has it open", async () => {
    await olivia.goto(`${server.url}/releases/1`);
    await olivia.getByText("0 of 1 signed").waitFor();

    await quinn.getByRole("button", { name: "Approve as QA" }).click();

    await olivia.getByText("approved", { exact: true }).waitFor();
    await picture(olivia, "release-approved");
  });

  it("deploys and follows it to the end without a reload", async () => {
    const commit = branchOf(server.data, "api-gateway", "uat");
    await olivia.getByRole("button", { name: /Deploy to prod/ }).click();
    await olivia.getByRole("heading", { name: /Deployment #/ }).waitFor();
    await olivia.getByText("succeeded", { exact: true }).waitFor({ timeout: 60_000 });
    await picture(olivia, "deployment");

    expect(deployedCommit(server.data, "prod", "api-gateway")).toBe(commit);
  });

  it("shows the deployment in the room", async () => {
    await dana
      .getByText(/Release Ready to Deploy/)
      .first()
      .waitFor();
    await picture(dana, "room-after");
  });

  it("opens a new release from the page and excludes a service", async () => {
    commitOnUat(server.data, "auth-service", "fix: keep sessions apart");
    commitOnUat(server.data, "user-service", "feat: sort people by name");
    await dana.goto(`${server.url}/releases`);
    await dana.getByRole("button", { name: "New release" }).click();
    await dana.getByRole("button", { name: "Compare and create" }).click();
    await dana.getByRole("heading", { name: /Release #2/ }).waitFor();
    await dana.getByRole("button", { name: "Exclude auth-service" }).click();
    await dana.getByRole("textbox", { name: /Why\?/ }).fill("waits for the other team");
    await dana.getByRole("dialog").getByRole("button", { name: "Exclude" }).click();

    await dana.getByText("Excluded: waits for the other team").waitFor();
    await picture(dana, "release-excluded");
  });

  it.each(["/releases", "/releases/1", "/deployments", "/deployments/1", "/room"])(
    "has no accessibility violation on %s",
    async (path) => {
      await dana.goto(`${server.url}${path}`);
      await dana.locator("main h1, main .messages article").first().waitFor();
      // Not addScriptTag: the page's own security policy rightly refuses inline scripts.
      await dana.evaluate(axeSource);
      const violations = await dana.evaluate<string[]>(
        `axe.run({ runOnly: ["wcag2a", "wcag2aa", "wcag21aa", "wcag22aa"] }).then(({ violations }) =>
          violations.map((one) => one.id + ": " + JSON.stringify(one.nodes.map((node) => node.target))))`,
      );

      expect(violations).toEqual([]);
    },
  );

  it("fits a phone", async () => {
    await dana.setViewportSize({ width: 390, height: 800 });
    for (const path of ["/releases", "/releases/1", "/deployments/1", "/room"]) {
      await dana.goto(`${server.url}${path}`);
      await dana.locator("main h1, main .messages article").first().waitFor();
      await picture(dana, `phone${path.replaceAll("/", "-")}`);
      const overflow = await dana.evaluate<number>(
        "document.documentElement.scrollWidth - document.documentElement.clientWidth",
      );
      expect(overflow, `${path} scrolls sideways`).toBe(0);
    }
  });

  it("complains about nothing in the console", () => {
    expect(complaints).toEqual([]);
  });
});

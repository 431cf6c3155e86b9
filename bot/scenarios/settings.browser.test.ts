import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, expect, it } from "vitest";
import { describeWith } from "../../shared/testing/needs.ts";
import { chromiumPath, launchBrowser, picture, signIn } from "./testing/browser.ts";
import { startServer, type ServerProcess } from "./testing/server-process.ts";

const axeSource = readFileSync(
  createRequire(import.meta.url).resolve("axe-core/axe.min.js"),
  "utf8",
);

describeWith("Chromium", chromiumPath !== undefined)("the settings, in a real browser", () => {
  let server: ServerProcess;
  let browser: Browser;
  let adam: Page;
  let elsewhere: Page;
  const complaints: string[] = [];

  beforeAll(async () => {
    server = await startServer();
    browser = await launchBrowser();
    adam = await signIn(browser, server.url, /Adam/);
    elsewhere = await signIn(browser, server.url, /Adam/);
    adam.on("pageerror", (error) => complaints.push(error.message));
    adam.on("console", (message) => {
      if (message.type() === "error") {
        complaints.push(message.text());
      }
    });
  });
  afterAll(async () => {
    await browser?.close();
    await server?.dispose();
  });

  async function violations(page: Page): Promise<string[]> {
    // Not addScriptTag: the page's own security policy rightly refuses inline scripts.
    await page.evaluate(axeSource);
    return page.evaluate<string[]>(
      `axe.run({ runOnly: ["wcag2a", "wcag2aa", "wcag21aa", "wcag22aa"] }).then(({ violations }) =>
        violations.map((one) => one.id + ": " + JSON.stringify(one.nodes.map((node) => node.target))))`,
    );
  }

  function sidewaysScroll(page: Page): Promise<number> {
    return page.evaluate<number>(
      "document.documentElement.scrollWidth - document.documentElement.clientWidth",
    );
  }

  it("tells how the connections stand", async () => {
    await adam.getByRole("link", { name: "Settings" }).click();
    const connections = adam.getByRole("region", { name: "Connections" });
    const database = connections.getByRole("listitem").filter({ hasText: "Database" });
    await database.getByText("Connected", { exact: true }).waitFor();
    const room = connections.getByRole("listitem").filter({ hasText: "Room" });
    await room.getByText("Reconnects").waitFor();
    await picture(adam, "settings");
    expect(await violations(adam)).toEqual([]);
  });

  it("makes a token that works, shows its secret once, and revokes it", async () => {
    const tokens = adam.getByRole("region", { name: "API tokens" });
    await tokens.getByText("You have no API tokens.").waitFor();
    await tokens.getByRole("button", { name: "New token" }).click();
    await adam.keyboard.type("nightly build");
    await adam.keyboard.press("Enter");
    const secret = await tokens.getByRole("textbox", { name: "The token" }).inputValue();
    const ask = async (method: string) =>
      (
        await fetch(`${server.url}/api/v1/${method === "GET" ? "me" : "releases"}`, {
          method,
          headers: { authorization: `Bearer ${secret}` },
        })
      ).status;
    expect(await ask("GET")).toBe(200);
    expect(await ask("POST")).toBe(403);
    await picture(adam, "settings-token");
    expect(await violations(adam)).toEqual([]);

    await adam.reload();
    await tokens.getByText("nightly build").waitFor();
    expect(await adam.content()).not.toContain(secret);

    await tokens.getByRole("button", { name: "Revoke nightly build" }).click();
    await adam.getByRole("dialog").getByRole("button", { name: "Revoke" }).click();
    await tokens.getByText("You have no API tokens.").waitFor();
    expect(await ask("GET")).toBe(401);
  });

  it("ends the sessions of other browsers and stays signed in itself", async () => {
    const sessions = adam.getByRole("region", { name: "Sessions" });
    await sessions.getByText("this one", { exact: true }).waitFor();
    const entries = sessions.getByRole("list", { name: "Your sessions" }).getByRole("listitem");
    expect(await entries.count()).toBe(2);
    await sessions.getByRole("button", { name: "Sign out everywhere else" }).click();
    await picture(adam, "settings-confirm");
    await adam.getByRole("dialog").getByRole("button", { name: "Sign out there" }).click();

    await sessions.getByText("One session ended.").waitFor();
    await elsewhere.goto(`${server.url}/releases`);
    await elsewhere.getByRole("link", { name: "Sign in" }).waitFor();
    await adam.reload();
    await sessions.getByText("this one", { exact: true }).waitFor();
    expect(await entries.count()).toBe(1);
  });

  it("keeps how somebody wants to be written to", async () => {
    const notifications = adam.getByRole("region", { name: "Notifications" });
    await notifications.getByLabel("What waits for my sign-off").selectOption("daily");
    await notifications.getByLabel("Time zone").fill("Europe/Berlin");
    await notifications.getByRole("button", { name: "Save" }).click();
    await notifications.getByText("Saved.").waitFor();
    await notifications.getByRole("button", { name: "Pause for an hour" }).click();
    await notifications.getByText("Paused.").waitFor();

    await adam.reload();

    await notifications.getByText("Paused.").waitFor();
    expect(await notifications.getByLabel("Time zone").inputValue()).toBe("Europe/Berlin");
  });

  it("offers nobody what they may not do", async () => {
    const dana = await signIn(browser, server.url, /Dana/);
    await dana.goto(`${server.url}/settings#connections`);
    await dana.getByText("Database").waitFor();
    expect(await dana.getByRole("region", { name: "Background work" }).count()).toBe(0);
    await dana.context().close();
    expect(await adam.getByRole("region", { name: "Background work" }).count()).toBe(1);
  });

  it("stays readable on a bad day, in both themes", async () => {
    const soon = new Date(Date.now() + 12 * 60_000).toISOString();
    const before = new Date(Date.now() - 3 * 3_600_000).toISOString();
    const json = (body: unknown) => ({
      contentType: "application/json",
      body: JSON.stringify(body),
    });
    await adam.route("**/api/v1/connections", (route) =>
      route.fulfill(
        json({
          items: [
            { name: "database", state: "up", required: true, detail: null },
            {
              ...{
                name: "scm:github:0",
                state: "up",
                required: false,
                detail: "core 312 of 5,000",
              },
              budgets: [
                { name: "core", limit: 5_000, remaining: 312, resetsAt: soon, pausedUntil: null },
                { name: "graphql", limit: 5_000, remaining: 0, resetsAt: soon, pausedUntil: soon },
              ],
            },
            {
              ...{ name: "chat:slack", state: "down", required: false },
              detail:
                "The app token was refused: make a new one and put it into chat.slack.app_token.",
              link: { since: before, lastEventAt: before, reconnects: 12, acknowledgedInMs: 41.6 },
            },
            {
              ...{ name: "chat:discord", state: "starting", required: false, detail: null },
              link: { since: before, lastEventAt: null, reconnects: 0, acknowledgedInMs: null },
            },
          ],
        }),
      ),
    );
    await adam.route("**/api/v1/background-work*", (route) =>
      route.fulfill(
        json({
          items: [
            {
              ...{
                id: "delivery-4",
                kind: "delivery",
                name: "announce-release@slack",
                attempts: 10,
              },
              ...{ about: "release/12", since: before, error: "An API error occurred: not_authed" },
            },
            {
              ...{ id: "job-7", kind: "job", name: "release.refresh", attempts: 10 },
              ...{ about: "number/12", since: before, error: "git does not answer: ".repeat(12) },
            },
          ],
          total: 2,
        }),
      ),
    );
    for (const colorScheme of ["light", "dark"] as const) {
      await adam.emulateMedia({ colorScheme });
      await adam.goto(`${server.url}/settings`);
      await adam.getByText("Not connected", { exact: true }).waitFor();
      await adam.getByRole("button", { name: "Retry announce-release@slack" }).waitFor();
      await adam.getByText("this one", { exact: true }).waitFor();
      await picture(adam, `settings-bad-day-${colorScheme}`);
      expect(await violations(adam)).toEqual([]);
    }
    await adam.setViewportSize({ width: 360, height: 800 });
    await picture(adam, "phone-settings-bad-day");
    expect(await sidewaysScroll(adam)).toBe(0);
    await adam.unrouteAll({ behavior: "wait" });
  });

  it("fits a phone, in the dark too", async () => {
    await adam.setViewportSize({ width: 390, height: 800 });
    await adam.emulateMedia({ colorScheme: "dark" });
    await adam.goto(`${server.url}/settings`);
    await adam.getByText("Nothing gave up.").waitFor();
    await adam.getByText("this one", { exact: true }).waitFor();
    await picture(adam, "phone-settings-dark");
    expect(await sidewaysScroll(adam)).toBe(0);
    expect(await violations(adam)).toEqual([]);
  });

  it("complains about nothing in the console", () => {
    expect(complaints).toEqual([]);
  });
});

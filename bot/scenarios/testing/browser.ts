import { existsSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { chromium, type Browser, type Page } from "playwright-core";

const CANDIDATES = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"];

/** The browser of this machine; undefined when there is none. */
export const chromiumPath =
  process.env["CHROMIUM_PATH"] ?? CANDIDATES.find((path) => existsSync(path));

export function launchBrowser(): Promise<Browser> {
  if (chromiumPath === undefined) {
    throw new Error("Chromium is missing: install it (Debian: apt-get install chromium).");
  }
  return chromium.launch({
    executablePath: chromiumPath,
    args: [
      "--no-sandbox",
      "--disable-gpu",
      "--disable-quic",
      "--no-first-run",
      "--disable-background-networking",
      "--disable-component-update",
      "--disable-sync",
    ],
  });
}

/** A window of its own for one person, signed in through the login page like anybody. */
export async function signIn(browser: Browser, url: string, person: RegExp): Promise<Page> {
  const context = await browser.newContext({ viewport: { width: 1280, height: 900 } });
  context.setDefaultTimeout(15_000);
  const page = await context.newPage();
  await page.goto(url);
  await page.getByRole("link", { name: "Sign in" }).click();
  await page.getByRole("button", { name: person }).click();
  await page.getByRole("heading", { name: "Releases" }).waitFor();
  return page;
}

/** Keeps a picture for a person to look at, where `SCREENSHOTS` names a folder. */
export async function picture(page: Page, name: string): Promise<void> {
  const folder = process.env["SCREENSHOTS"];
  if (folder !== undefined) {
    mkdirSync(folder, { recursive: true });
    await page.screenshot({ path: join(folder, `${name}.png`), fullPage: true });
  }
}

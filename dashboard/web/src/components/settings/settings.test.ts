import { createPinia, setActivePinia } from "pinia";
import { render, screen, waitFor, within } from "@testing-library/vue";
import userEvent from "@testing-library/user-event";
import { beforeEach, describe, expect, it, vi } from "vitest";
import type { ConnectionView } from "../../../../../shared/contract/connection.ts";
import type { NotificationSettings } from "../../../../../shared/contract/notifications.ts";
import { Refusal, useFakeServer } from "../../testing/fake-server.ts";
import SettingsBackgroundWork from "./SettingsBackgroundWork.vue";
import SettingsConnections from "./SettingsConnections.vue";
import SettingsNotifications from "./SettingsNotifications.vue";
import SettingsSessions from "./SettingsSessions.vue";
import SettingsTokens from "./SettingsTokens.vue";

const api = useFakeServer();
const AT = "2026-11-25T12:00:00.000Z";

beforeEach(() => {
  setActivePinia(createPinia());
});

function entry(name: string | RegExp): HTMLElement {
  const found = screen.getAllByRole("listitem").find((one) => one.textContent?.match(name));
  if (!found) {
    throw new Error(`no entry is about ${String(name)}`);
  }
  return found;
}

function bodiesOf(what: string): unknown[] {
  return api.sent.filter((one) => one.what === what).map(({ body }) => body);
}

describe("the connections", () => {
  const slack: ConnectionView = {
    name: "chat:slack",
    state: "up",
    required: false,
    detail: null,
    link: { since: AT, lastEventAt: AT, reconnects: 3, acknowledgedInMs: 41.6 },
  };
  const github: ConnectionView = {
    name: "scm:github:0",
    state: "down",
    required: false,
    detail: "it asked for a pause",
    budgets: [{ name: "core", limit: 5_000, remaining: 4_812, resetsAt: AT, pausedUntil: AT }],
  };

  it("tell state by word, how the link fares, and what is left to ask for", async () => {
    api.answers["GET /connections"] = { items: [slack, github] };
    render(SettingsConnections);
    await screen.findByText("Slack");

    const first = within(entry("Slack"));
    expect(first.getByText("Connected")).toBeTruthy();
    expect(first.getByText("Reconnects").nextElementSibling?.textContent).toBe("3");
    expect(first.getByText("Acknowledged in").nextElementSibling?.textContent?.trim()).toBe(
      "42 ms",
    );
    const second = within(entry("GitHub"));
    expect(second.getByText("Not connected")).toBeTruthy();
    expect(second.getByText("it asked for a pause")).toBeTruthy();
    expect(second.getByText(/4,812 of 5,000 left/)).toBeTruthy();
    expect(second.getByText(/paused/)).toBeTruthy();
  });

  it("are looked at again by themselves, and what changed is told to those who do not see it", async () => {
    vi.useFakeTimers({ toFake: ["setInterval", "clearInterval"] });
    api.answers["GET /connections"] = { items: [slack] };
    render(SettingsConnections);
    await screen.findByText("Connected");

    api.answers["GET /connections"] = { items: [{ ...slack, state: "down" }] };
    await vi.advanceTimersByTimeAsync(5_000);
    vi.useRealTimers();

    await waitFor(() =>
      expect(screen.getByRole("status").textContent).toBe("Slack: not connected."),
    );
  });

  it("say with a reference when they cannot be read, and try again", async () => {
    api.answers["GET /connections"] = new Refusal(500, "Something broke.");
    render(SettingsConnections);
    await screen.findByText("Something broke.");
    expect(screen.getByText("c-42")).toBeTruthy();

    api.answers["GET /connections"] = { items: [slack] };
    await userEvent.click(screen.getByRole("button", { name: "Try again" }));

    await screen.findByText("Slack");
    expect(screen.queryByRole("alert")).toBeNull();
  });
});

describe("API tokens", () => {
  const token = {
    ...{ id: "t1", name: "nightly", scopes: ["read"], createdAt: AT },
    ...{ expiresAt: AT, lastUsedAt: null },
  };

  it("are made with what was chosen, and the secret goes when it was taken", async () => {
    api.answers["GET /me/tokens"] = { items: [], total: 0 };
    api.answers["POST /me/tokens"] = { ...token, token: "slp_secret" };
    render(SettingsTokens);
    await screen.findByText("You have no API tokens.");
    await userEvent.click(screen.getByRole("button", { name: "New token" }));
    expect(document.activeElement).toBe(screen.getByLabelText("Name"));
    await userEvent.type(screen.getByLabelText("Name"), " nightly ");
    await userEvent.selectOptions(screen.getByLabelText("May"), "write");
    await userEvent.selectOptions(screen.getByLabelText("Expires after"), "30");
    api.answers["GET /me/tokens"] = { items: [token], total: 1 };
    await userEvent.click(screen.getByRole("button", { name: "Make token" }));

    const secret = await screen.findByLabelText<HTMLInputElement>("The token");
    expect(secret.value).toBe("slp_secret");
    expect(bodiesOf("POST /me/tokens")).toEqual([
      { name: "nightly", scopes: ["read", "write"], expiresInDays: 30 },
    ]);
    await userEvent.click(screen.getByRole("button", { name: "Copy" }));
    await screen.findByText("Copied.");
    await userEvent.click(screen.getByRole("button", { name: "Done" }));
    expect(screen.queryByLabelText("The token")).toBeNull();
    expect(screen.getByText("nightly")).toBeTruthy();
  });

  it("are revoked after a question, and never without", async () => {
    api.answers["GET /me/tokens"] = { items: [token], total: 1 };
    api.answers["DELETE /me/tokens/t1"] = null;
    render(SettingsTokens);
    await userEvent.click(await screen.findByRole("button", { name: "Revoke nightly" }));
    const dialog = within(screen.getByRole("dialog"));
    await userEvent.click(dialog.getByRole("button", { name: "Never mind" }));
    expect(bodiesOf("DELETE /me/tokens/t1")).toEqual([]);

    await userEvent.click(screen.getByRole("button", { name: "Revoke nightly" }));
    api.answers["GET /me/tokens"] = { items: [], total: 0 };
    await userEvent.click(
      within(screen.getByRole("dialog")).getByRole("button", { name: "Revoke" }),
    );

    await screen.findByText("You have no API tokens.");
    expect(bodiesOf("DELETE /me/tokens/t1")).toHaveLength(1);
  });
});

describe("sessions", () => {
  const here = {
    ...{ id: "s1", current: true, signedInAt: AT, lastUsedAt: AT, expiresAt: AT },
    ...{ address: "192.0.2.7", userAgent: "Mozilla/5.0 (X11; Linux) Firefox/140.0" },
  };
  const phone = {
    ...here,
    ...{ id: "s2", current: false, address: null, lastUsedAt: null },
    userAgent: "Mozilla/5.0 (iPhone) Safari/604.1",
  };

  it("mark this one, which cannot be ended by mistake, and end another after a question", async () => {
    api.answers["GET /me/sessions"] = { items: [here, phone], total: 2 };
    api.answers["DELETE /me/sessions/s2"] = null;
    render(SettingsSessions);
    await screen.findByText("this one");
    const own = within(entry("this one"));
    expect(own.getByText("Firefox on Linux")).toBeTruthy();
    expect(own.getByText("192.0.2.7")).toBeTruthy();
    expect(own.queryByRole("button")).toBeNull();
    expect(within(entry("iPhone")).getByText("an unknown address")).toBeTruthy();

    await userEvent.click(
      screen.getByRole("button", { name: "End the session of Safari on iPhone" }),
    );
    expect(api.sent.map(({ what }) => what)).not.toContain("DELETE /me/sessions/s2");
    api.answers["GET /me/sessions"] = { items: [here], total: 1 };
    await userEvent.click(
      within(screen.getByRole("dialog")).getByRole("button", { name: "End the session" }),
    );

    await screen.findByText("The session ended.");
    const all = screen.getByRole("button", { name: "Sign out everywhere else" });
    expect(all.getAttribute("aria-disabled")).toBe("true");
    expect(screen.getByText("You are signed in nowhere else.")).toBeTruthy();
  });

  it("end all others at once and say how many", async () => {
    api.answers["GET /me/sessions"] = { items: [here, phone], total: 2 };
    api.answers["DELETE /me/sessions"] = { ended: 3 };
    render(SettingsSessions);
    await userEvent.click(await screen.findByRole("button", { name: "Sign out everywhere else" }));
    await userEvent.click(
      within(screen.getByRole("dialog")).getByRole("button", { name: "Sign out there" }),
    );
    await screen.findByText("3 sessions ended.");
  });
});

describe("notification settings", () => {
  const settings: NotificationSettings = {
    digest: "weekdays",
    digestAt: "09:00",
    timeZone: "Asia/Tokyo",
    direct: true,
    platform: null,
    mutedUntil: null,
  };
  beforeEach(() => {
    api.answers["GET /installation"] = { chats: ["room", "slack"] };
    api.answers["GET /me/notifications"] = settings;
    api.answers["PATCH /me/notifications"] = (body: object) => ({ ...settings, ...body });
  });

  it("are saved as chosen; chats are those of the installation", async () => {
    render(SettingsNotifications);
    await userEvent.selectOptions(
      await screen.findByLabelText("What waits for my sign-off"),
      "daily",
    );
    await screen.findByRole("option", { name: "Slack" });
    await userEvent.selectOptions(screen.getByLabelText("Where"), "slack");
    await userEvent.click(screen.getByRole("checkbox"));
    await userEvent.click(screen.getByRole("button", { name: "Save" }));

    await screen.findByText("Saved.");
    expect(bodiesOf("PATCH /me/notifications")).toEqual([
      {
        ...{ digest: "daily", digestAt: "09:00", timeZone: "Asia/Tokyo" },
        ...{ direct: false, platform: "slack" },
      },
    ]);
  });

  it("keep what was typed when the server refuses it, and say what is wrong", async () => {
    api.answers["PATCH /me/notifications"] = new Refusal(
      422,
      "/timeZone: must be a time zone such as Europe/Berlin",
    );
    render(SettingsNotifications);
    const zone = await screen.findByLabelText<HTMLInputElement>("Time zone");
    await userEvent.clear(zone);
    await userEvent.type(zone, "Mars");
    await userEvent.click(screen.getByRole("button", { name: "Save" }));

    await screen.findByText(/must be a time zone/);
    expect(zone.value).toBe("Mars");
  });

  it("say when the chats cannot be told, and keep the one that is chosen", async () => {
    api.answers["GET /installation"] = new Refusal(500, "No chats today.");
    api.answers["GET /me/notifications"] = { ...settings, platform: "slack" };
    render(SettingsNotifications);
    await screen.findByText("No chats today.");
    expect(screen.getByLabelText<HTMLSelectElement>("Where").value).toBe("slack");

    api.answers["GET /installation"] = { chats: ["room", "slack"] };
    await userEvent.click(screen.getByRole("button", { name: "Try again" }));
    await screen.findByRole("option", { name: "Room" });
  });

  it("pause at once without losing what is not saved yet", async () => {
    render(SettingsNotifications);
    const digest = await screen.findByLabelText<HTMLSelectElement>("What waits for my sign-off");
    await userEvent.selectOptions(digest, "off");
    await userEvent.click(screen.getByRole("button", { name: "Pause for an hour" }));

    await screen.findByText("Paused.");
    expect(digest.value).toBe("off");
    await userEvent.click(screen.getByRole("button", { name: "Write again" }));
    await screen.findByText("Pause everything");
    expect(bodiesOf("PATCH /me/notifications").at(-1)).toEqual({ mutedUntil: null });
  });
});

describe("background work that gave up", () => {
  const work = {
    ...{ id: "job-7", kind: "job", name: "release.refresh", about: "number/12" },
    ...{ attempts: 10, since: AT, error: "git does not answer" },
  };

  it("says why each gave up, and starts it again", async () => {
    api.answers["GET /background-work"] = { items: [work], total: 1 };
    api.answers["POST /background-work/job-7/retry"] = work;
    render(SettingsBackgroundWork, { global: { stubs: { RouterLink: true } } });
    await screen.findByText("git does not answer");
    api.answers["GET /background-work"] = { items: [], total: 0 };
    await userEvent.click(
      screen.getByRole("button", { name: "Retry release.refresh about number/12" }),
    );

    await screen.findByText("release.refresh was started again.");
    await screen.findByText("Nothing gave up.");
  });

  it("says why a retry was refused, and looks again", async () => {
    api.answers["GET /background-work"] = { items: [work], total: 1 };
    api.answers["POST /background-work/job-7/retry"] = new Refusal(404, "Somebody was faster.");
    render(SettingsBackgroundWork, { global: { stubs: { RouterLink: true } } });
    await screen.findByText("git does not answer");
    await userEvent.click(screen.getByRole("button", { name: /^Retry/ }));

    await screen.findByText("Somebody was faster.");
    expect(bodiesOf("GET /background-work")).toHaveLength(2);
  });
});

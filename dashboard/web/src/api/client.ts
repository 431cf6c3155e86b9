import type {
  DeploymentLogView,
  DeploymentSummary,
  DeploymentView,
} from "../../../../shared/contract/deployment.ts";
import type { Page } from "../../../../shared/contract/common.ts";
import type { AuditEntry } from "../../../../shared/contract/audit.ts";
import type { AccountView, LinkRequestView } from "../../../../shared/contract/accounts.ts";
import type { BackgroundWork } from "../../../../shared/contract/background-work.ts";
import type { ConnectionView } from "../../../../shared/contract/connection.ts";
import type { Installation } from "../../../../shared/contract/installation.ts";
import type {
  ApiTokenView,
  CreateApiToken,
  CreatedApiToken,
  Me,
} from "../../../../shared/contract/me.ts";
import type {
  NotificationSettings,
  PatchNotificationSettings,
} from "../../../../shared/contract/notifications.ts";
import type { EndedSessions, SessionView } from "../../../../shared/contract/session.ts";
import type { Problem } from "../../../../shared/contract/problem.ts";
import type {
  OpenedPullRequests,
  ReleaseSummary,
  ReleaseView,
} from "../../../../shared/contract/release.ts";
import type { RoomMessage } from "../../../../shared/contract/room.ts";
import { OfflineError, ProblemError } from "./problem.ts";

/** Set after `/me` answered; every change carries it back, which a foreign page cannot. */
let csrfToken: string | null = null;

type Method = "GET" | "POST" | "PATCH" | "PUT" | "DELETE";

async function request<T>(
  method: Method,
  path: string,
  options: { body?: unknown; signal?: AbortSignal | undefined } = {},
): Promise<T> {
  let response: Response;
  try {
    response = await fetch(`/api/v1${path}`, {
      method,
      headers: {
        accept: "application/json",
        ...(options.body === undefined ? {} : { "content-type": "application/json" }),
        ...(csrfToken === null || method === "GET" ? {} : { "x-csrf-token": csrfToken }),
      },
      ...(options.body === undefined ? {} : { body: JSON.stringify(options.body) }),
      signal: options.signal ?? null,
    });
  } catch (error) {
    if (error instanceof DOMException && error.name === "AbortError") {
      throw error;
    }
    throw new OfflineError(error);
  }
  if (response.status === 204) {
    return undefined as T;
  }
  const text = await response.text();
  if (!response.ok) {
    throw new ProblemError(toProblem(text, response));
  }
  return JSON.parse(text) as T;
}

function toProblem(text: string, response: Response): Problem {
  try {
    return JSON.parse(text) as Problem;
  } catch {
    // A proxy answered, not Slipway.
    return {
      type: "about:blank",
      title: response.statusText,
      status: response.status,
      detail: `The server answered ${String(response.status)} ${response.statusText}.`,
      instance: response.url,
      code: "http.unexpected",
      remedy: "Try again in a moment.",
      correlationId: response.headers.get("x-request-id") ?? "",
    };
  }
}

type Query = Readonly<Record<string, string | number | undefined>>;

function withQuery(path: string, query: Query): string {
  const search = new URLSearchParams();
  for (const [key, value] of Object.entries(query)) {
    if (value !== undefined && value !== "") {
      search.set(key, String(value));
    }
  }
  const text = search.toString();
  return text === "" ? path : `${path}?${text}`;
}

export async function getMe(signal?: AbortSignal): Promise<Me> {
  const me = await request<Me>("GET", "/me", { signal });
  csrfToken = me.csrfToken;
  return me;
}

export function listReleases(query: Query, signal?: AbortSignal): Promise<Page<ReleaseSummary>> {
  return request("GET", withQuery("/releases", query), { signal });
}

export function createRelease(body: {
  source: string;
  destination: string;
  notes?: string;
}): Promise<ReleaseView> {
  return request("POST", "/releases", { body });
}

export function getRelease(number: number, signal?: AbortSignal): Promise<ReleaseView> {
  return request("GET", `/releases/${String(number)}`, { signal });
}

export function refreshRelease(number: number): Promise<ReleaseView> {
  return request("POST", `/releases/${String(number)}/refresh`);
}

export function openPullRequests(number: number): Promise<OpenedPullRequests> {
  return request("POST", `/releases/${String(number)}/pull-requests`, { body: {} });
}

export function patchRelease(
  number: number,
  body: { notes?: string; breakingChanges?: string; version?: number },
): Promise<ReleaseView> {
  return request("PATCH", `/releases/${String(number)}`, { body });
}

export function patchReleaseItem(
  number: number,
  service: string,
  body: { excluded?: boolean; excludedReason?: string; dependsOn?: string[] },
): Promise<ReleaseView> {
  return request("PATCH", `/releases/${String(number)}/items/${encodeURIComponent(service)}`, {
    body,
  });
}

export function signOff(number: number, role: string, fingerprint: string): Promise<ReleaseView> {
  return request("POST", `/releases/${String(number)}/sign-offs`, { body: { role, fingerprint } });
}

export function revokeSignOff(number: number, role: string): Promise<ReleaseView> {
  return request("DELETE", `/releases/${String(number)}/sign-offs/${encodeURIComponent(role)}`);
}

export function rejectRelease(number: number, reason: string): Promise<ReleaseView> {
  return request("POST", `/releases/${String(number)}/reject`, { body: { reason } });
}

export function liftRejection(number: number): Promise<ReleaseView> {
  return request("POST", `/releases/${String(number)}/lift`);
}

export function closeRelease(number: number, reason: string): Promise<ReleaseView> {
  return request("POST", `/releases/${String(number)}/close`, { body: { reason } });
}

export function deployRelease(
  number: number,
  body: { environment?: string; only?: string[]; fromWave?: number },
): Promise<DeploymentView> {
  return request("POST", `/releases/${String(number)}/deploy`, { body });
}

export function getReleaseHistory(number: number, signal?: AbortSignal): Promise<Page<AuditEntry>> {
  return request("GET", `/releases/${String(number)}/history?limit=500`, { signal });
}

export function listDeployments(
  query: Query,
  signal?: AbortSignal,
): Promise<Page<DeploymentSummary>> {
  return request("GET", withQuery("/deployments", query), { signal });
}

export function getDeployment(number: number, signal?: AbortSignal): Promise<DeploymentView> {
  return request("GET", `/deployments/${String(number)}`, { signal });
}

export function getDeploymentLogs(
  number: number,
  after: number,
  signal?: AbortSignal,
): Promise<DeploymentLogView> {
  return request("GET", withQuery(`/deployments/${String(number)}/logs`, { after }), { signal });
}

export function cancelDeployment(
  number: number,
  then: "leave" | "roll_back",
): Promise<DeploymentView> {
  return request("POST", `/deployments/${String(number)}/cancel`, { body: { then } });
}

export function retryDeployment(number: number): Promise<DeploymentView> {
  return request("POST", `/deployments/${String(number)}/retry`);
}

/** Undoes what a deployment brought: goes back to the success before it. */
export function rollBack(environment: string, reason: string): Promise<DeploymentView> {
  return request("POST", `/environments/${encodeURIComponent(environment)}/rollback`, {
    body: { reason },
  });
}

export function listRoomMessages(
  channel: string,
  signal?: AbortSignal,
): Promise<{ items: RoomMessage[] }> {
  return request("GET", withQuery("/room/messages", { channel, limit: 200 }), { signal });
}

export function listAccounts(signal?: AbortSignal): Promise<{ items: AccountView[] }> {
  return request("GET", "/me/accounts", { signal });
}

export function unlinkAccount(id: string): Promise<void> {
  return request("DELETE", `/me/accounts/${encodeURIComponent(id)}`);
}

export function getLinkRequest(token: string, signal?: AbortSignal): Promise<LinkRequestView> {
  return request("GET", `/links/${encodeURIComponent(token)}`, { signal });
}

export function linkAccount(token: string): Promise<AccountView> {
  return request("POST", `/links/${encodeURIComponent(token)}`);
}

export function getInstallation(signal?: AbortSignal): Promise<Installation> {
  return request("GET", "/installation", { signal });
}

export function listConnections(signal?: AbortSignal): Promise<{ items: ConnectionView[] }> {
  return request("GET", "/connections", { signal });
}

export function listTokens(signal?: AbortSignal): Promise<Page<ApiTokenView>> {
  return request("GET", "/me/tokens", { signal });
}

export function createToken(body: CreateApiToken): Promise<CreatedApiToken> {
  return request("POST", "/me/tokens", { body });
}

export function revokeToken(id: string): Promise<void> {
  return request("DELETE", `/me/tokens/${encodeURIComponent(id)}`);
}

export function listSessions(signal?: AbortSignal): Promise<Page<SessionView>> {
  return request("GET", "/me/sessions", { signal });
}

export function endSession(id: string): Promise<void> {
  return request("DELETE", `/me/sessions/${encodeURIComponent(id)}`);
}

export function endOtherSessions(): Promise<EndedSessions> {
  return request("DELETE", "/me/sessions");
}

export function getNotifications(signal?: AbortSignal): Promise<NotificationSettings> {
  return request("GET", "/me/notifications", { signal });
}

export function changeNotifications(
  body: PatchNotificationSettings,
): Promise<NotificationSettings> {
  return request("PATCH", "/me/notifications", { body });
}

export function listBackgroundWork(
  query: Query,
  signal?: AbortSignal,
): Promise<Page<BackgroundWork>> {
  return request("GET", withQuery("/background-work", query), { signal });
}

export function retryBackgroundWork(id: string): Promise<BackgroundWork> {
  return request("POST", `/background-work/${encodeURIComponent(id)}/retry`);
}

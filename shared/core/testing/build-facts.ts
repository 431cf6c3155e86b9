import type { DeployFacts, DeployItem } from "../requirements/requirement.ts";
import { deployOrder } from "../deploy-order.ts";
import type { ContentItem } from "../release.ts";
import {
  DEFAULT_SIGN_OFF_POLICY,
  judgeSignOffs,
  type Person,
  type SignOff,
  type SignOffFacts,
} from "../sign-off.ts";

export const dana: Person = { subject: "s-dana", name: "Dana" };
export const quinn: Person = { subject: "s-quinn", name: "Quinn" };
export const robin: Person = { subject: "s-robin", name: "Robin" };
export const olivia: Person = { subject: "s-olivia", name: "Olivia" };

/** The n-th minute of the day every test happens on. */
export function minute(n: number): Date {
  return new Date(Date.UTC(2026, 10, 21, 10, n));
}

/** One item of content: `auth-service` at `head-1` unless told otherwise. */
export function buildItem(parts: Partial<ContentItem> = {}): ContentItem {
  const service = parts.service ?? "auth-service";
  return {
    service,
    repository: service,
    path: "",
    headSha: "head-1",
    version: null,
    digest: null,
    patchIdentity: "patch-1",
    isExcluded: false,
    ...parts,
  };
}

/** A signature of Dana as dev on one item unless told otherwise. */
export function buildSignOff(parts: Partial<SignOff> = {}): SignOff {
  const signer = parts.signer ?? dana;
  const role = parts.role ?? "dev";
  return {
    id: `${signer.name}-${role}`,
    role,
    signer,
    signerEmail: null,
    signedAt: minute(1),
    revokedAt: null,
    content: [buildItem()],
    ...parts,
  };
}

/** A release of one item that nobody has signed, under the default policy, created by Olivia. */
export function buildSignOffFacts(parts: Partial<SignOffFacts> = {}): SignOffFacts {
  return {
    policy: DEFAULT_SIGN_OFF_POLICY,
    signOffs: [],
    items: [buildItem()],
    creator: olivia,
    authors: [],
    ...parts,
  };
}

/** An item that may go out: its branch has not moved, its destination has nothing else, its checks passed. */
export function buildDeployItem(parts: Partial<DeployItem> = {}): DeployItem {
  return {
    ...buildItem(parts),
    dependsOn: [],
    source: { ok: true, sha: "head-1" },
    destination: { ok: true, behindCount: 0 },
    ci: { state: "success", url: null, summary: "12 checks passed" },
    isDeployedHere: false,
    isLanded: false,
    ...parts,
  };
}

/** A release that may be deployed: `#12`, uat → master, to prod, two services, signed by Dana and Quinn. */
export function buildDeployFacts(parts: Partial<DeployFacts> = {}): DeployFacts {
  const items = parts.items ?? [
    buildDeployItem({ service: "auth-service" }),
    buildDeployItem({ service: "api-gateway", dependsOn: ["auth-service"] }),
  ];
  const content = items.filter((item) => !item.isExcluded);
  return {
    release: {
      number: 12,
      kind: "branch",
      status: "approved",
      source: "uat",
      destination: "master",
      rejection: null,
    },
    environment: { name: "prod", isTargetOfRelease: true, hasTarget: true, land: "after" },
    actor: { ...olivia, isAutomation: false },
    items,
    order: deployOrder(items, new Set(items.map((item) => item.service))),
    only: null,
    fromWave: null,
    signOffs: judgeSignOffs(
      buildSignOffFacts({
        items,
        signOffs: [
          buildSignOff({ content }),
          buildSignOff({ signer: quinn, role: "qa", content, signedAt: minute(2) }),
        ],
      }),
    ),
    policy: DEFAULT_SIGN_OFF_POLICY,
    eligible: { dev: [dana, robin], qa: [quinn, robin] },
    lock: null,
    hold: null,
    activeDeployment: null,
    uncompared: [],
    ...parts,
  };
}

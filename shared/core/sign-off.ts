import type { ReleaseStatus } from "../contract/release.ts";
import { joinWords, pluralise } from "../lib/text.ts";
import type { ContentItem } from "./release.ts";
import { no, type Refusal } from "./verdict.ts";

/** Somebody signed in through SSO. `subject` is who they are; `name` is only for sentences. */
export interface Person {
  readonly subject: string;
  readonly name: string;
}

/** Who could sign in which role now. */
export type EligiblePeople = Readonly<Record<string, readonly Person[]>>;

export const CARRY_OVERS = ["same-diff", "never"] as const;
export type CarryOver = (typeof CARRY_OVERS)[number];

export interface SignOffPolicy {
  /** Role → number of people who must sign in it. Empty: nobody has to sign. */
  readonly roles: Readonly<Record<string, number>>;
  readonly oneRolePerPerson: boolean;
  /** Whether a signature survives a new commit that leaves the effective diff as it was. */
  readonly carryOver: CarryOver;
  /** False: signatures of the person who created the release alone are not enough. */
  readonly creatorMayBeOnly: boolean;
  /** False: signatures of people who wrote commits of the release alone are not enough. */
  readonly authorMayBeOnly: boolean;
}

/** One `dev`, one `qa`, two different people. */
export const DEFAULT_SIGN_OFF_POLICY: SignOffPolicy = {
  roles: { dev: 1, qa: 1 },
  oneRolePerPerson: true,
  carryOver: "same-diff",
  creatorMayBeOnly: true,
  authorMayBeOnly: true,
};

/** For `sign_off: none`. */
export const NO_SIGN_OFF_POLICY: SignOffPolicy = { ...DEFAULT_SIGN_OFF_POLICY, roles: {} };

/** One non-excluded item as it was when it was signed. */
export type SignedItem = Omit<ContentItem, "isExcluded">;

export interface SignOff {
  readonly id: string;
  readonly role: string;
  readonly signer: Person;
  /** To recognise the signer among commit authors; null when SSO gives none. */
  readonly signerEmail: string | null;
  readonly signedAt: Date;
  readonly revokedAt: Date | null;
  readonly content: readonly SignedItem[];
}

export interface ReleaseAuthor {
  /** Null where the author's e-mail belongs to nobody we know. */
  readonly subject: string | null;
  readonly email: string;
}

export interface SignOffFacts {
  readonly policy: SignOffPolicy;
  readonly signOffs: readonly SignOff[];
  readonly items: readonly ContentItem[];
  readonly creator: Person;
  readonly authors: readonly ReleaseAuthor[];
}

/** How one service differs from what somebody signed. */
export interface ContentDelta {
  readonly service: string;
  readonly change: "changed" | "added" | "removed";
  /** Commit or version that was signed; null when added. */
  readonly from: string | null;
  /** Commit or version now; null when removed. */
  readonly to: string | null;
}

export type SignOffState =
  /** `carriedOver`: services whose commit changed while their diff did not. */
  | { readonly state: "counts"; readonly carriedOver: readonly string[] }
  | { readonly state: "stale"; readonly delta: readonly ContentDelta[] }
  | { readonly state: "revoked" }
  /** The same person has a signature in this role that speaks for them, or fills another role; `by` is its id. */
  | {
      readonly state: "superseded";
      readonly by: string;
      readonly why: "signed_again" | "fills_other_role";
    }
  /** The policy does not name the role (any more). */
  | { readonly state: "irrelevant_role" };

export interface JudgedSignOff {
  readonly signOff: SignOff;
  readonly judgement: SignOffState;
  readonly isByCreator: boolean;
  readonly isByAuthor: boolean;
}

export interface RoleState {
  readonly role: string;
  readonly needed: number;
  readonly have: number;
  readonly missing: number;
  /** Who fills the role, in the order they signed. */
  readonly by: readonly Person[];
}

export interface SignOffResult {
  /** In the order they were signed. */
  readonly signOffs: readonly JudgedSignOff[];
  /** In the order of the policy. */
  readonly roles: readonly RoleState[];
  /** Rules that keep a release with all signatures from being approved. */
  readonly violations: readonly ("creator_only" | "author_only")[];
  /** Everything the policy asks for is there. Never true of a release without items. */
  readonly isApproved: boolean;
}

export interface SignOffRequest {
  readonly release: {
    readonly number: number;
    readonly status: ReleaseStatus;
    readonly isRejected: boolean;
  };
  readonly role: string;
  readonly actor: Person;
  /** Roles the actor holds now, by SSO. */
  readonly actorRoles: readonly string[];
  /** Who else could sign, to name them; leave out where unknown. */
  readonly eligible?: EligiblePeople;
}

/** Yes with the signature that already counts (`already`: nothing to do, not a mistake), yes, or a refusal. */
export type SignOffAnswer = { readonly ok: true; readonly already: SignOff | null } | Refusal;

/** Which sign-offs count for this content, and whether they are enough. */
export function judgeSignOffs(facts: SignOffFacts): SignOffResult {
  const { policy, creator } = facts;
  const needed = neededRoles(policy);
  const signOffs = [...facts.signOffs].sort(bySigningTime);
  const states = new Map<string, SignOffState>();
  const deltas = new Map(
    signOffs.map((s) => [s.id, contentDelta(s.content, facts.items, policy.carryOver)]),
  );
  const standing = signOffs.filter((signOff) => {
    if (isRevoked(signOff, signOffs)) {
      states.set(signOff.id, { state: "revoked" });
      return false;
    }
    if (!needed.has(signOff.role)) {
      states.set(signOff.id, { state: "irrelevant_role" });
      return false;
    }
    return true;
  });

  // Of what one person signed in one role, the first signature that still holds speaks, else the newest.
  const spoken = new Map<string, SignOff>();
  const holds = (signOff: SignOff): boolean => deltas.get(signOff.id)?.length === 0;
  for (const signOff of standing) {
    const key = JSON.stringify([signOff.signer.subject, signOff.role]);
    const earlier = spoken.get(key);
    if (earlier === undefined || !holds(earlier)) {
      spoken.set(key, signOff);
    }
  }

  const filledBy = new Map<string, SignOff>();
  const counting: SignOff[] = [];
  for (const signOff of standing) {
    const { subject } = signOff.signer;
    const speaks = spoken.get(JSON.stringify([subject, signOff.role])) ?? signOff;
    const other = policy.oneRolePerPerson ? filledBy.get(subject) : undefined;
    if (speaks !== signOff) {
      states.set(signOff.id, { state: "superseded", by: speaks.id, why: "signed_again" });
    } else if (!holds(signOff)) {
      states.set(signOff.id, { state: "stale", delta: deltas.get(signOff.id) ?? [] });
    } else if (other) {
      states.set(signOff.id, { state: "superseded", by: other.id, why: "fills_other_role" });
    } else {
      filledBy.set(subject, signOff);
      counting.push(signOff);
      states.set(signOff.id, {
        state: "counts",
        carriedOver: carriedOver(signOff.content, facts.items),
      });
    }
  }

  const roles = [...needed].map(([role, count]): RoleState => {
    const by = counting.filter((signOff) => signOff.role === role).map((s) => s.signer);
    return {
      role,
      needed: count,
      have: by.length,
      missing: Math.max(0, count - by.length),
      by,
    };
  });
  const violations = violationsOf(facts, counting);
  return {
    signOffs: signOffs.map((signOff) => ({
      signOff,
      judgement: states.get(signOff.id) ?? { state: "irrelevant_role" },
      isByCreator: signOff.signer.subject === creator.subject,
      isByAuthor: isAuthor(signOff, facts.authors),
    })),
    roles,
    violations,
    isApproved:
      facts.items.some((item) => !item.isExcluded) &&
      roles.every((role) => role.missing === 0) &&
      violations.length === 0,
  };
}

/** How the content differs from what was signed, by service; empty when the signature still holds. */
export function contentDelta(
  signed: readonly SignedItem[],
  current: readonly ContentItem[],
  carryOver: CarryOver,
): readonly ContentDelta[] {
  const before = new Map(signed.map((item) => [item.service, item]));
  const now = new Map(
    current.filter((item) => !item.isExcluded).map((item) => [item.service, item]),
  );
  const deltas: ContentDelta[] = [];
  for (const [service, item] of now) {
    const old = before.get(service);
    if (old === undefined) {
      deltas.push({ service, change: "added", from: null, to: revision(item) });
    } else if (!isSame(old, item) && !(carryOver === "same-diff" && hasSameDiff(old, item))) {
      deltas.push({ service, change: "changed", from: revision(old), to: revision(item) });
    }
  }
  for (const [service, item] of before) {
    if (!now.has(service)) {
      deltas.push({ service, change: "removed", from: revision(item), to: null });
    }
  }
  return deltas.sort((a, b) => (a.service < b.service ? -1 : 1));
}

/** Whether this person may sign in this role now. */
export function checkSignOff(facts: SignOffFacts, request: SignOffRequest): SignOffAnswer {
  const { release, role, actor } = request;
  const closed = refuseByStatus(release);
  if (closed) {
    return closed;
  }
  if (!facts.items.some((item) => !item.isExcluded)) {
    return no(
      "release.empty",
      `Release #${release.number} has nothing to sign: every service is excluded.`,
      `Say \`include ${release.number} <service>\`, or \`refresh ${release.number}\`.`,
    );
  }
  const needed = neededRoles(facts.policy);
  if (!needed.has(role)) {
    return no(
      "role.unknown",
      `Release #${release.number} is not signed in the role ${role}.`,
      needed.size === 0
        ? "It needs no signature at all."
        : `It is signed as ${joinWords([...needed.keys()], "or")}.`,
    );
  }
  const counting = judgeSignOffs(facts).signOffs.filter(
    ({ signOff, judgement }) =>
      judgement.state === "counts" && signOff.signer.subject === actor.subject,
  );
  const already = counting.find(({ signOff }) => signOff.role === role);
  if (already) {
    return { ok: true, already: already.signOff };
  }
  const others = namesOf(request.eligible?.[role] ?? [], actor);
  if (!request.actorRoles.includes(role)) {
    return no(
      "role.missing",
      `You do not hold the role ${role}.`,
      `Ask ${others.length > 0 ? joinWords(others, "or") : "somebody who does"} to say \`approve ${release.number} as ${role}\`.`,
    );
  }
  const other = facts.policy.oneRolePerPerson ? counting[0]?.signOff.role : undefined;
  if (other !== undefined) {
    return no(
      "sign_off.one_role",
      `You already signed release #${release.number} as ${other}, and one person fills one role.`,
      `Ask ${others.length > 0 ? joinWords(others, "or") : "somebody else"} to say \`approve ${release.number} as ${role}\`, or say \`revoke ${release.number} as ${other}\` first.`,
    );
  }
  return { ok: true, already: null };
}

/** Why nobody, or too few people, could ever fulfil the policy; empty when it can be fulfilled. */
export function findUnsatisfiable(
  policy: SignOffPolicy,
  eligible: EligiblePeople,
  release?: { readonly creator: Person; readonly authors: readonly ReleaseAuthor[] },
): readonly Refusal[] {
  const needed = neededRoles(policy);
  const people = new Map<string, readonly Person[]>(
    [...needed.keys()].map((role) => [role, distinct(eligible[role] ?? [])]),
  );
  const shortages = policy.oneRolePerPerson
    ? sharedShortages(needed, people)
    : [...needed]
        .filter(([role, count]) => (people.get(role) ?? []).length < count)
        .map(([role]): Shortage => ({ roles: [role], people: people.get(role) ?? [] }));
  const refusals = shortages.map((shortage) => describeShortage(shortage, needed));

  const everybody = distinct([...people.values()].flat());
  if (release === undefined || everybody.length === 0) {
    return refusals;
  }
  const { creator, authors } = release;
  if (!policy.creatorMayBeOnly && everybody.every((p) => p.subject === creator.subject)) {
    refusals.push(
      no(
        "sign_off.creator_only",
        `Only ${creator.name}, who created this release, could sign it, and that alone is not enough.`,
        `Give the role ${joinWords([...needed.keys()], "or")} to somebody else, or let somebody else create the release.`,
      ),
    );
  }
  const authorSubjects = new Set(authors.map((author) => author.subject));
  if (!policy.authorMayBeOnly && everybody.every((p) => authorSubjects.has(p.subject))) {
    refusals.push(
      no(
        "sign_off.author_only",
        `Everybody who could sign (${joinWords(everybody.map((p) => p.name))}) wrote commits of this release, and that alone is not enough.`,
        `Give the role ${joinWords([...needed.keys()], "or")} to somebody who did not.`,
      ),
    );
  }
  return refusals;
}

/** Roles that together ask for more people than hold any of them. */
interface Shortage {
  readonly roles: readonly string[];
  readonly people: readonly Person[];
}

/**
 * With one role per person, signing is a matching of people to places. Each place looks for a person along augmenting
 * paths; when it finds none, everybody reached and the roles they fill are a set that is too small (Hall's theorem).
 */
function sharedShortages(
  needed: ReadonlyMap<string, number>,
  people: ReadonlyMap<string, readonly Person[]>,
): Shortage[] {
  const fills = new Map<string, string>();
  const shortages: Shortage[] = [];
  const short = new Set<string>();

  function findPerson(role: string, seen: Map<string, Person>): boolean {
    for (const person of people.get(role) ?? []) {
      if (seen.has(person.subject)) {
        continue;
      }
      seen.set(person.subject, person);
      const filled = fills.get(person.subject);
      if (filled === undefined || findPerson(filled, seen)) {
        fills.set(person.subject, role);
        return true;
      }
    }
    return false;
  }

  for (const [role, count] of needed) {
    for (let place = 0; place < count && !short.has(role); place += 1) {
      const seen = new Map<string, Person>();
      if (!findPerson(role, seen)) {
        const filled = [...seen.keys()].flatMap((subject) => fills.get(subject) ?? []);
        const inOrder = [...needed.keys()].filter((r) => r === role || filled.includes(r));
        inOrder.forEach((r) => short.add(r));
        shortages.push({ roles: inOrder, people: [...seen.values()] });
      }
    }
  }
  return shortages;
}

function describeShortage(
  { roles, people }: Shortage,
  needed: ReadonlyMap<string, number>,
): Refusal {
  const count = roles.reduce((sum, role) => sum + (needed.get(role) ?? 0), 0);
  const lacking = count - people.length;
  const more = `${lacking} more ${lacking === 1 ? "person" : "people"}`;
  const holders = joinWords(people.map((person) => person.name));
  const [only] = roles;
  if (roles.length === 1 && only !== undefined) {
    return people.length === 0
      ? no(
          "sign_off.unsatisfiable",
          `Nobody holds the role ${only}, so nobody can sign as ${only}.`,
          `Give the role ${only} to ${pluralise(count, "person", "people")}, or take it out of the policy.`,
        )
      : no(
          "sign_off.unsatisfiable",
          `${pluralise(count, "person", "people")} must sign as ${only}, but only ${holders} ${people.length === 1 ? "holds" : "hold"} that role.`,
          `Give the role ${only} to ${more}, or ask for fewer signatures in the policy.`,
        );
  }
  const words = joinWords(roles);
  return no(
    "sign_off.unsatisfiable",
    `${words} need ${count} different people, but only ${holders} ${people.length === 1 ? "holds" : "hold"} any of these roles.`,
    `Give the role ${joinWords(roles, "or")} to ${more}, or set \`one_role_per_person: false\` in the policy.`,
  );
}

function neededRoles(policy: SignOffPolicy): ReadonlyMap<string, number> {
  return new Map(Object.entries(policy.roles).filter(([, count]) => count > 0));
}

/** Revoking takes back everything the person signed in that role until then, not only the newest signature. */
function isRevoked(signOff: SignOff, all: readonly SignOff[]): boolean {
  return all.some(
    (other) =>
      other.revokedAt !== null &&
      (other.id === signOff.id ||
        (other.signer.subject === signOff.signer.subject &&
          other.role === signOff.role &&
          signOff.signedAt < other.signedAt)),
  );
}

function violationsOf(
  { policy, creator, authors }: SignOffFacts,
  counting: readonly SignOff[],
): SignOffResult["violations"] {
  const violations: ("creator_only" | "author_only")[] = [];
  if (counting.length === 0) {
    return violations;
  }
  if (!policy.creatorMayBeOnly && counting.every((s) => s.signer.subject === creator.subject)) {
    violations.push("creator_only");
  }
  if (!policy.authorMayBeOnly && counting.every((signOff) => isAuthor(signOff, authors))) {
    violations.push("author_only");
  }
  return violations;
}

function isAuthor(signOff: SignOff, authors: readonly ReleaseAuthor[]): boolean {
  const email = signOff.signerEmail?.toLowerCase();
  return authors.some(
    (author) =>
      author.subject === signOff.signer.subject ||
      (email !== undefined && author.email.toLowerCase() === email),
  );
}

function refuseByStatus(release: SignOffRequest["release"]): Refusal | null {
  const { number, status } = release;
  if (status === "deployed" || status === "cancelled") {
    return no(
      "release.closed",
      `Release #${number} is ${status}, so it cannot be signed.`,
      "Say `releases` to see the open ones.",
    );
  }
  if (status === "deploying") {
    return no(
      "release.busy",
      `Release #${number} is being deployed, so it cannot be signed now.`,
      `Wait until the deployment has ended; \`release ${number}\` shows it.`,
    );
  }
  if (status === "rejected" || release.isRejected) {
    return no(
      "release.rejected",
      `Release #${number} is rejected, so it cannot be signed.`,
      `Say \`why ${number}\` to see the reason; \`lift ${number}\` takes the rejection back.`,
    );
  }
  return null;
}

function isSame(a: SignedItem, b: SignedItem): boolean {
  return (
    a.repository === b.repository &&
    a.path === b.path &&
    a.headSha === b.headSha &&
    a.version === b.version &&
    a.digest === b.digest
  );
}

function hasSameDiff(a: SignedItem, b: SignedItem): boolean {
  return (
    a.repository === b.repository &&
    a.path === b.path &&
    a.version === b.version &&
    a.digest === b.digest &&
    a.patchIdentity !== null &&
    a.patchIdentity === b.patchIdentity
  );
}

function carriedOver(
  signed: readonly SignedItem[],
  current: readonly ContentItem[],
): readonly string[] {
  const now = new Map(current.map((item) => [item.service, item]));
  return signed
    .filter((item) => now.get(item.service)?.headSha !== item.headSha)
    .map((item) => item.service)
    .sort();
}

function revision(item: SignedItem): string | null {
  return item.headSha ?? item.version ?? item.digest;
}

function namesOf(people: readonly Person[], except: Person): readonly string[] {
  return distinct(people)
    .filter((person) => person.subject !== except.subject)
    .map((person) => person.name);
}

function distinct(people: readonly Person[]): readonly Person[] {
  return [...new Map(people.map((person) => [person.subject, person])).values()];
}

function bySigningTime(a: SignOff, b: SignOff): number {
  return a.signedAt.getTime() - b.signedAt.getTime() || (a.id < b.id ? -1 : 1);
}

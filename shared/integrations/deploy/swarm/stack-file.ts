import { posix } from "node:path";
import {
  isAlias,
  isMap,
  isNode,
  isPair,
  isScalar,
  isSeq,
  Lexer,
  LineCounter,
  parseDocument,
  Parser,
  visit,
} from "yaml";
import type { Document } from "yaml";
import { requireFilePath } from "../../../core/ports/file-path.ts";
import { AppError } from "../../../errors/app-error.ts";
import { StackFileRefused, type StackFileProblem } from "../../../errors/catalog.ts";
import { nearest } from "../../../lib/nearest.ts";
import { isOwnVariable } from "./options.ts";
import { interpolate, isFilled, readTemplate, referencesIn } from "./interpolate.ts";

/** Far more than a stack file has; parsing and docker take their time with what is larger. */
export const LARGEST_STACK_FILE = 512 * 1024;

/** Aliases that may be resolved before a document counts as one made to fill the memory. */
const MOST_ALIASES = 200;

/** Collections within collections. A stack file has a dozen. */
const DEEPEST = 100;

/** What docker fills variables into. */
const SECTIONS = ["services", "networks", "volumes", "configs", "secrets"] as const;
type Section = (typeof SECTIONS)[number];

/** What a service can use of the rest of the file. */
export const USABLE = ["networks", "volumes", "configs", "secrets"] as const;
export type Usable = (typeof USABLE)[number];

/** Keys whose values docker opens as files of the machine it runs on. */
const FILE_KEYS = new Set(["file", "env_file"]);

export type Plain = Readonly<Record<string, unknown>>;

/** A stack file that could be read, before variables are filled in. */
export interface StackFile {
  /** How it is called in sentences. */
  readonly label: string;
  /** Its path in the repository. */
  readonly path: string;
  /** Aliases resolved, merges merged. */
  readonly content: Plain;
  /** Line of a text, for telling people where; null when it stands nowhere by itself. */
  lineOf(text: string): number | null;
  /** Every path docker would open, as it is written, wherever it stands. */
  readonly files: readonly string[];
}

/** Reads a stack file from bytes that anybody may have written. Throws StackFileRefused. */
export function readStackFile(
  bytes: Uint8Array,
  about: { readonly path: string; readonly label: string },
): StackFile {
  const refuse = (why: string, fix: string, line: number | null = null) =>
    new StackFileRefused({ file: about.label, problems: [{ line, why, fix }] });
  const text = decode(bytes);
  if (text === null) {
    throw refuse("it is not UTF-8 text", "Save it as UTF-8.");
  }
  if (isTooDeep(text)) {
    throw refuse("it is nested too deeply", "Write it with less nesting.");
  }
  const lines = new LineCounter();
  let document: Document.Parsed;
  let content: unknown;
  try {
    document = parseDocument(text, { lineCounter: lines, merge: true, stringKeys: true });
    const [error] = document.errors;
    if (error) {
      const line = error.linePos?.[0].line ?? null;
      const isFlow = /flow-map/.test(error.message);
      throw refuse(
        firstLine(error.message),
        isFlow ? "Inside { } write variables in quotes." : "Mend the YAML there.",
        line,
      );
    }
    content = document.toJS({ maxAliasCount: MOST_ALIASES });
  } catch (error) {
    if (error instanceof AppError) {
      throw error;
    }
    if (error instanceof ReferenceError) {
      throw /unresolved alias/i.test(error.message)
        ? refuse("an alias in it stands for nothing", "Define its anchor before it.")
        : refuse("its aliases would fill the memory", "Write it with fewer aliases.");
    }
    throw error;
  }
  if (!isPlain(content) || !isPlain(content["services"])) {
    throw refuse("it has no services", "Add `services:` with at least one service.");
  }
  const places = new Map<string, number>();
  const files: string[] = [];
  visit(document, (_key, node) => {
    if (isNode(node) && node.tag !== undefined) {
      const line = node.range ? lines.linePos(node.range[0]).line : null;
      throw refuse(`it has the tag ${node.tag.slice(0, 60)}`, "Stack files need no tags.", line);
    }
    if (isScalar(node) && typeof node.value === "string" && node.range) {
      const known = places.get(node.value);
      places.set(node.value, known ?? lines.linePos(node.range[0]).line);
    }
    if (isPair(node) && isScalar(node.key) && FILE_KEYS.has(String(node.key.value))) {
      files.push(...textsOf(node.value, document));
    }
    return undefined;
  });
  return {
    ...about,
    content,
    lineOf: (wanted) => places.get(wanted) ?? null,
    files: [...new Set(files)],
  };
}

/** Throws StackFileRefused, with the names that come near, when the file has no such service. */
export function requireService(file: StackFile, service: string): Plain {
  const services = sectionOf(file.content, "services");
  const found = services[service];
  if (Object.hasOwn(services, service) && isPlain(found)) {
    return found;
  }
  const [near] = nearest(service, Object.keys(services));
  throw new StackFileRefused({
    file: file.label,
    problems: [
      {
        line: null,
        why: `it has no service called "${service}"`,
        fix:
          near === undefined
            ? `Add it under \`services:\`.`
            : `Call it ${service} there, as here; ${near} comes near.`,
      },
    ],
  });
}

/**
 * Variables docker is to be run with, so that it renders `service`. Throws StackFileRefused when the service, or what it
 * uses, cannot be rendered right. What only other services need gets a value that goes no further: their part is thrown away.
 */
export function variablesFor(
  file: StackFile,
  service: string,
  known: Readonly<Record<string, string>>,
): Readonly<Record<string, string>> {
  const own = requireService(file, service);
  const used = usedBy(fillIn(own, known));
  const ownTexts = [
    ...textsIn(own),
    ...USABLE.flatMap((section) =>
      used[section].flatMap((name) => textsIn(sectionOf(file.content, section)[name])),
    ),
  ];
  const allTexts = SECTIONS.flatMap((section) => textsIn(sectionOf(file.content, section)));
  const problems = [
    ...ownTexts.flatMap((text) => problemsOf(file, text, service, known)),
    ...allTexts.flatMap((text) => brokenIn(file, text)),
  ];
  if (problems.length > 0) {
    throw new StackFileRefused({ file: file.label, problems: withoutRepetition(problems) });
  }
  const foreign = allTexts
    .flatMap(referencesIn)
    .filter((reference) => !isFilled(reference, known))
    .map(({ name }) => [name, STAND_IN] as const);
  return { ...Object.fromEntries(foreign), ...known };
}

/** A number, a port, a duration and a tag: nearly everything a variable of another service can stand for. */
const STAND_IN = "0";

/**
 * Paths of the files docker would open, from the root of the repository. Throws StackFileRefused for one outside of it:
 * docker runs on our machine, and would ship our own files.
 */
export function filesOf(
  file: StackFile,
  variables: Readonly<Record<string, string>>,
): ReadonlyMap<string, string> {
  const problems: StackFileProblem[] = [];
  const found = new Map<string, string>();
  for (const written of file.files) {
    const named = interpolate(written, variables);
    const path = named === null ? null : insideRepository(file, named);
    if (named !== null && path !== null) {
      found.set(named, path);
    } else {
      problems.push({
        line: file.lineOf(written),
        why: `"${written.slice(0, 80)}" is no file of the repository`,
        fix: "Name a file of the same repository, relative to the stack file.",
      });
    }
  }
  if (problems.length > 0) {
    throw new StackFileRefused({ file: file.label, problems });
  }
  return found;
}

/** Path from the root of the repository of what a stack file names; null for what lies outside. */
export function insideRepository({ path }: Pick<StackFile, "path">, named: string): string | null {
  if (named.startsWith("~") || named.startsWith("/") || named.trim() === "") {
    return null;
  }
  const inside = posix.normalize(posix.join(posix.dirname(path), named));
  try {
    requireFilePath(inside);
    return inside;
  } catch (error) {
    if (error instanceof AppError) {
      return null;
    }
    throw error;
  }
}

/** Names of what a service uses, in the short and in the long way to write it. */
export function usedBy(service: Plain): Readonly<Record<Usable, readonly string[]>> {
  return {
    networks: networksOf(service["networks"]),
    volumes: listOf(service["volumes"]).flatMap(volumeName),
    configs: listOf(service["configs"]).flatMap(sourceName),
    secrets: listOf(service["secrets"]).flatMap(sourceName),
  };
}

export function sectionOf(content: Plain, section: Section): Plain {
  const found = content[section];
  return isPlain(found) ? found : {};
}

export function isPlain(value: unknown): value is Plain {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function networksOf(networks: unknown): readonly string[] {
  const named = Array.isArray(networks)
    ? networks.map(String)
    : Object.keys(isPlain(networks) ? networks : {});
  return named.length === 0 ? ["default"] : named;
}

function volumeName(volume: unknown): readonly string[] {
  if (isPlain(volume)) {
    const { type, source } = volume;
    return type === "volume" && typeof source === "string" ? [source] : [];
  }
  const [source, target] = String(volume).split(":");
  return target === undefined || source === undefined || /^[./~]/.test(source) ? [] : [source];
}

function sourceName(used: unknown): readonly string[] {
  if (isPlain(used)) {
    return typeof used["source"] === "string" ? [used["source"]] : [];
  }
  return [String(used)];
}

function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

/** What keeps one text of the deployed service from being rendered right. */
function problemsOf(
  file: StackFile,
  text: string,
  service: string,
  known: Readonly<Record<string, string>>,
): readonly StackFileProblem[] {
  const template = readTemplate(text);
  const line = file.lineOf(text);
  if (!template.ok) {
    const { why, fix } = template.problem;
    return [{ line, why, fix }];
  }
  return template.pieces.flatMap((piece) => {
    if (typeof piece === "string") {
      return [];
    }
    if (isOwnVariable(piece.name)) {
      return [
        {
          line,
          why: `${piece.name} is a variable of the docker program itself`,
          fix: "Use another name, and set it in target.env.",
        },
      ];
    }
    if (isFilled(piece, known)) {
      return [];
    }
    const [near] = nearest(piece.name, Object.keys(known));
    return [
      {
        line,
        why: `${piece.name} is not set when ${service} is deployed, and docker would put nothing in its place`,
        fix: `Use ${near ?? Object.keys(known)[0] ?? "a default"}, give it a default, or set it in target.env or target.variables.`,
      },
    ];
  });
}

/** What docker refuses the whole file for, wherever it stands. */
function brokenIn(file: StackFile, text: string): readonly StackFileProblem[] {
  const template = readTemplate(text);
  return template.ok || !template.problem.isRefused
    ? []
    : [{ line: file.lineOf(text), why: template.problem.why, fix: template.problem.fix }];
}

function withoutRepetition(problems: readonly StackFileProblem[]): readonly StackFileProblem[] {
  const seen = new Map(problems.map((problem) => [`${problem.line} ${problem.why}`, problem]));
  return [...seen.values()].sort((a, b) => (a.line ?? 0) - (b.line ?? 0));
}

/** Every text that is a value, at any depth: docker fills in no keys. */
function textsIn(value: unknown): readonly string[] {
  if (typeof value === "string") {
    return [value];
  }
  if (Array.isArray(value)) {
    return value.flatMap(textsIn);
  }
  return isPlain(value) ? Object.values(value).flatMap(textsIn) : [];
}

/** The value with every text filled in that can be. */
function fillIn(value: Plain, variables: Readonly<Record<string, string>>): Plain {
  const fill = (inner: unknown): unknown => {
    if (typeof inner === "string") {
      return interpolate(inner, variables) ?? inner;
    }
    if (Array.isArray(inner)) {
      return inner.map(fill);
    }
    return isPlain(inner)
      ? Object.fromEntries(Object.entries(inner).map(([key, one]) => [key, fill(one)]))
      : inner;
  };
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, fill(inner)]));
}

/** Texts a node holds: itself, its items, or what an alias of it stands for. */
function textsOf(node: unknown, document: Document.Parsed): readonly string[] {
  if (isAlias(node)) {
    return textsOf(node.resolve(document), document);
  }
  if (isScalar(node)) {
    return typeof node.value === "string" || typeof node.value === "number"
      ? [String(node.value)]
      : [];
  }
  if (isSeq(node)) {
    return node.items.flatMap((item) => textsOf(item, document));
  }
  // The long way to write an entry of `env_file`: { path, required }.
  return isMap(node) ? textsOf(node.get("path", true), document) : [];
}

/**
 * Whether composing it would recurse deeper than any honest file makes it. Looked at before, because a stack that runs over
 * inside a regular expression is no exception but the end of the process. Reading tokens recurses not at all.
 */
function isTooDeep(text: string): boolean {
  const parser = new Parser();
  for (const lexeme of new Lexer().lex(text)) {
    // What it yields are whole documents, which are of no interest here.
    Array.from(parser.next(lexeme));
    if (parser.stack.length > DEEPEST) {
      return true;
    }
  }
  return false;
}

function decode(bytes: Uint8Array): string | null {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch (error) {
    if (error instanceof TypeError) {
      return null;
    }
    throw error;
  }
}

function firstLine(message: string): string {
  return (message.split("\n")[0] ?? "").replace(/ at line \d+, column \d+:?$/, "").slice(0, 200);
}

// SPDX-License-Identifier: Apache-2.0
import { setImmediate } from 'node:timers/promises';
import { Composer, type Document, LineCounter, Parser, type YAMLError } from 'yaml';
import { type FieldProblem, reasonOf } from '../../api/field-problem.ts';
import { parseResource } from '../../api/parse-resource.ts';
import { recogniseKind } from '../../api/recognise-kind.ts';
import type { Resource } from '../../api/resource-set.ts';
import { checkDocument, MAX_ALIASES } from './check-document.ts';
import { describeYamlError } from './describe-yaml-error.ts';
import { type DocumentPart, expandList } from './expand-list.ts';
import { lineOfField } from './line-of-field.ts';
import type { SourceProblem } from './source-problem.ts';

/** DNS is answered on the same thread: long files are read in slices. */
const SLICE_MS = 20;
/** What follows the first errors of a document is mostly their consequence. */
const MAX_YAML_ERRORS = 5;

/** A valid resource and where it stands. */
export interface PlacedResource {
  readonly resource: Resource;
  readonly file: string;
  readonly line: number;
}

/** What is in a file. Objects of kinds that are none of Leat's business are in `foreign`, to be told, not read. */
export interface ParsedFile {
  readonly resources: readonly PlacedResource[];
  readonly foreign: readonly string[];
  readonly problems: readonly SourceProblem[];
}

interface FileReading {
  readonly file: string;
  readonly lines: LineCounter;
  readonly resources: PlacedResource[];
  readonly foreign: string[];
  readonly problems: SourceProblem[];
}

/** Parses the documents of a file; JSON is read as the YAML that it is. Never rejects, for any text. */
export async function parseFile(file: string, text: string): Promise<ParsedFile> {
  const reading: FileReading = { file, lines: new LineCounter(), resources: [], foreign: [], problems: [] };
  try {
    await parseDocuments(reading, text);
  } catch {
    // the parser's recursion ends in a RangeError; what else it may throw is told alike, for its text may quote values
    reading.problems.push(problemOf(reading, 0, 'is not valid YAML: nested too deeply'));
  }
  const { resources, foreign, problems } = reading;
  return { resources, foreign, problems };
}

async function parseDocuments(reading: FileReading, text: string): Promise<void> {
  // its own search for keys that stand twice takes minutes for an object of 40,000
  const composer = new Composer({ merge: true, stringKeys: true, prettyErrors: false, uniqueKeys: false });
  const tokens = new Parser(reading.lines.addNewLine).parse(text);
  const pause = slicer();
  for (const document of composer.compose(tokens)) {
    for (const part of partsOf(reading, document)) {
      takePart(reading, document, part);
      await pause();
    }
    await pause();
  }
  reading.problems.push(...composer.streamInfo().errors.map((error) => yamlProblem(reading, error)));
}

/** The objects of a document; none, and its problems told, where it is no YAML. */
function partsOf(reading: FileReading, document: Document.Parsed): DocumentPart[] {
  const errors = [...document.errors, ...document.warnings].slice(0, MAX_YAML_ERRORS);
  if (errors.length > 0) {
    reading.problems.push(...errors.map((error) => yamlProblem(reading, error)));
    return [];
  }
  const flaw = checkDocument(document);
  if (flaw !== null) {
    reading.problems.push(problemOf(reading, flaw.offset, flaw.reason));
    return [];
  }
  try {
    return expandList(document.toJS({ maxAliasCount: MAX_ALIASES }));
  } catch (error) {
    if (!(error instanceof ReferenceError)) throw error;
    const reason = `has aliases (*name) that stand for more than ${MAX_ALIASES} aliases`;
    reading.problems.push(problemOf(reading, document.range[0], reason));
    return [];
  }
}

function takePart(reading: FileReading, document: Document, { value, path }: DocumentPart): void {
  if (value === null || value === undefined) return;
  const recognition = recogniseKind(value);
  if (recognition.is === 'foreign') {
    reading.foreign.push(`${recognition.apiVersion} ${recognition.kind}`);
    return;
  }
  const parsed = parseResource(value);
  if (parsed.ok) {
    const line = lineOfField(document, path, reading.lines);
    reading.resources.push({ resource: parsed.resource, file: reading.file, line });
    return;
  }
  const resource = nameOf(value);
  const place = (problem: FieldProblem): SourceProblem => ({
    file: reading.file,
    line: lineOfField(document, [...path, ...problem.path], reading.lines),
    resource,
    field: problem.field,
    reason: reasonOf(problem),
  });
  reading.problems.push(...parsed.problems.map(place));
}

/** `Destination shop/erp` of a value that may be anything. */
function nameOf(value: unknown): string | null {
  const { kind, metadata } = value as { kind?: unknown; metadata?: { namespace?: unknown; name?: unknown } | null };
  const plain = (part: unknown): part is string => typeof part === 'string' && /^[-.\w]{1,253}$/.test(part);
  if (!plain(kind)) return null;
  const name = [metadata?.namespace, metadata?.name].filter(plain).join('/');
  return name === '' ? kind : `${kind} ${name}`;
}

function yamlProblem(reading: FileReading, error: YAMLError): SourceProblem {
  return problemOf(reading, error.pos[0], describeYamlError(error.code));
}

function problemOf({ file, lines }: FileReading, offset: number, reason: string): SourceProblem {
  return { file, line: lines.linePos(offset).line, resource: null, field: null, reason };
}

/** Lets the event loop turn whenever a slice of time is used up. */
function slicer(): () => Promise<void> {
  let sliceEndsAtMs = performance.now() + SLICE_MS;
  return async () => {
    if (performance.now() < sliceEndsAtMs) return;
    await setImmediate();
    sliceEndsAtMs = performance.now() + SLICE_MS;
  };
}

// SPDX-License-Identifier: Apache-2.0
import type { ErrorCode } from 'yaml';

/**
 * The parser's own messages quote what they stumbled over, which may be a piece of a Secret: only its codes are used.
 */
const REASONS: Partial<Record<ErrorCode, string>> = {
  ALIAS_PROPS: 'an alias (*name) has no tag or anchor of its own',
  BAD_ALIAS: 'an alias (*name) stands for an anchor (&name) that is not there',
  BAD_DQ_ESCAPE: 'an unknown escape behind "\\" in double quotes: use single quotes, or write "\\\\"',
  BAD_INDENT: 'the indentation does not fit the lines above',
  BAD_SCALAR_START: 'a value begins with a reserved character: put it in quotes',
  BLOCK_AS_IMPLICIT_KEY: 'a nested value stands on the line of its key',
  BLOCK_IN_FLOW: 'an indented block stands within brackets',
  DUPLICATE_KEY: 'a key stands twice in the same object',
  MISSING_CHAR: 'a character is missing: a closing quote or bracket, a colon, a comma or a space behind one of them',
  MULTILINE_IMPLICIT_KEY: 'a key spans several lines: is a colon or a quote missing?',
  NON_STRING_KEY: 'a key is no string',
  TAB_AS_INDENT: 'a tab is used to indent: use spaces',
  TAG_RESOLVE_FAILED: 'a tag (!name) that is not known',
};

/** Why text is no YAML, without any of the text. */
export function describeYamlError(code: ErrorCode): string {
  return `is not valid YAML: ${REASONS[code] ?? 'something that is not expected here'}`;
}

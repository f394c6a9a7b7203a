/** An answer that is an error, and a server that did not answer, as one type with words for people. */

import { text } from "../i18n";

/** The code of {@link ApiError.missingPart}. */
export const MISSING_PART = "missing-part";

interface Details {
  /** What kind of problem, as the server names it: `campaign-state`. */
  code?: string | undefined;
  /** The field at fault, as a JSON pointer. */
  pointer?: string | undefined;
  /** For an expression: the byte in it, from 0. */
  position?: number | undefined;
}

export class ApiError extends Error {
  override readonly name = "ApiError";
  readonly code: string | undefined;
  readonly pointer: string | undefined;
  readonly position: number | undefined;

  constructor(
    /** The HTTP status; 0 when there was no answer. */
    readonly status: number,
    message: string,
    details: Details = {},
  ) {
    super(message);
    this.code = details.code;
    this.pointer = details.pointer;
    this.position = details.position;
  }

  /** Whether asking again may help without anybody doing anything. */
  get isTransient(): boolean {
    return this.status === 0 || this.status === 429 || this.status >= 500;
  }

  static unreachable(): ApiError {
    return new ApiError(0, text().errors.unreachable);
  }

  /** A part of the dashboard did not arrive: the server is away, or it has another dashboard by now. */
  static missingPart(): ApiError {
    return new ApiError(0, text().errors.unreachable, { code: MISSING_PART });
  }

  /** From a response and its body: an RFC 9457 problem when Otaru itself said it, anything when a proxy did. */
  static from(status: number, body: unknown): ApiError {
    const problem = typeof body === "object" && body !== null ? (body as Record<string, unknown>) : {};
    const { detail, type, pointer, position } = problem;
    const message = typeof detail === "string" && detail !== "" ? sentence(detail) : text().errors.status(status);
    return new ApiError(status, message, {
      code: typeof type === "string" ? type.split(":").at(-1) : undefined,
      pointer: typeof pointer === "string" ? pointer : undefined,
      position: typeof position === "number" ? position : undefined,
    });
  }
}

export function asApiError(error: unknown): ApiError {
  return error instanceof ApiError ? error : ApiError.unreachable();
}

/** The error when one of these fields, or a part of one, is at fault. */
export function faultAt(error: unknown, ...pointers: readonly string[]): ApiError | undefined {
  if (!(error instanceof ApiError) || error.pointer === undefined) return undefined;
  const at = error.pointer;
  return pointers.some((pointer) => at === pointer || at.startsWith(`${pointer}/`)) ? error : undefined;
}

function sentence(words: string): string {
  const full = words.charAt(0).toUpperCase() + words.slice(1);
  return /[.!?]$/.test(full) ? full : `${full}.`;
}

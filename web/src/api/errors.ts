/** An answer that is an error, and a server that did not answer, as one type with words for people. */

export class ApiError extends Error {
  override readonly name = "ApiError";

  constructor(
    /** The HTTP status; 0 when there was no answer. */
    readonly status: number,
    message: string,
  ) {
    super(message);
  }

  /** Whether asking again may help without anybody doing anything. */
  get isTransient(): boolean {
    return this.status === 0 || this.status === 429 || this.status >= 500;
  }

  static unreachable(): ApiError {
    return new ApiError(0, "The campaign service does not answer.");
  }

  /** From a response and its body: an RFC 9457 problem when Otaru itself said it, anything when a proxy did. */
  static from(status: number, body: unknown): ApiError {
    const detail = typeof body === "object" && body !== null && "detail" in body ? body.detail : undefined;
    return new ApiError(
      status,
      typeof detail === "string" && detail !== "" ? sentence(detail) : `The server answered with status ${status}.`,
    );
  }
}

export function asApiError(error: unknown): ApiError {
  return error instanceof ApiError ? error : ApiError.unreachable();
}

function sentence(text: string): string {
  const full = text.charAt(0).toUpperCase() + text.slice(1);
  return /[.!?]$/.test(full) ? full : `${full}.`;
}

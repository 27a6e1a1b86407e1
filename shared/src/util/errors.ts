/**
 * The one error base of the whole system. Every error that a user, an operator or a peer can meet carries a stable
 * `AREA_REASON` code from a catalogue; `docs/reference/errors.md` is generated from the catalogues and checked by a test.
 */

/** What the reference page says of one code: what happened, and what to do about it. */
export interface ErrorEntry {
	readonly meaning: string;
	readonly action: string;
	/** HTTP status when the error reaches the operator API; 500 when absent. */
	readonly httpStatus?: number;
	/** True when the same call may go through later without any change. */
	readonly retryable?: boolean;
}

/** A group of codes of one area, keyed by code. */
export type ErrorCatalogue = Readonly<Record<string, ErrorEntry>>;

/** Declares the codes of one area; keeps their literal names as a type. */
export function defineErrors<const C extends ErrorCatalogue>(catalogue: C): C {
	for (const [code, entry] of Object.entries(catalogue)) registry.set(code, entry);
	return catalogue;
}

const registry = new Map<string, ErrorEntry>();

/** Every code declared by the modules loaded so far. */
export function declaredErrors(): ReadonlyMap<string, ErrorEntry> {
	return registry;
}

/** Identifiers and small facts that help to find the cause; never secrets, never whole messages. */
export type ErrorContext = Readonly<Record<string, string | number | boolean | undefined>>;

export class EsimError extends Error {
	readonly code: string;
	readonly context: ErrorContext;

	constructor(code: string, message: string, options: { cause?: unknown; context?: ErrorContext } = {}) {
		super(message, options.cause === undefined ? undefined : { cause: options.cause });
		this.name = new.target.name;
		this.code = code;
		this.context = options.context ?? {};
	}

	get httpStatus(): number {
		return registry.get(this.code)?.httpStatus ?? 500;
	}

	get retryable(): boolean {
		return registry.get(this.code)?.retryable ?? false;
	}
}

/** Why a file or folder cannot be read or written, in plain words where the system has only a code. */
export function fileTrouble(cause: unknown): string {
	const { code, message } = (cause ?? {}) as NodeJS.ErrnoException;
	return (code && FILE_TROUBLES[code]) ?? message ?? String(cause);
}

const FILE_TROUBLES: Readonly<Record<string, string>> = {
	ENOENT: "there is no such file or folder",
	EISDIR: "it is a folder",
	ENOTDIR: "a part of its path is not a folder",
	EACCES: "this user has no right to it",
	EPERM: "this user has no right to it",
	ENOSPC: "the disk is full",
	EROFS: "it is on a read-only file system",
};

export const utilErrors = defineErrors({
	UTIL_HEX_INVALID: {
		meaning: "A text that should be hex has an odd number of digits or another character.",
		action: "Give pairs of the digits 0-9 and A-F; white space may stand between them.",
		httpStatus: 400,
	},
	UTIL_BASE64_INVALID: {
		meaning: "A text that should be base64 has another character or an impossible length.",
		action: "Send the whole base64 text; padding and line breaks do not matter.",
		httpStatus: 400,
	},
});

import type { TSchema } from "@sinclair/typebox";
import { Problem } from "../problem.ts";

/** The answers of a route: its own, and a problem for everything else. */
export function responses<R extends Record<number, TSchema>>(own: R, ...problems: number[]) {
	const all: Record<number | string, unknown> = { ...own };
	for (const status of [...problems, 400, 401]) {
		all[status] = {
			description: WORDS[status] ?? "Problem",
			content: { "application/problem+json": { schema: Problem } },
		};
	}
	return all as R;
}

const WORDS: Readonly<Record<number, string>> = {
	400: "The request does not fit its schema.",
	401: "No valid API key.",
	404: "Not found.",
	409: "The state of things does not allow it.",
	422: "The Idempotency-Key came with another request before.",
	503: "Not now; try again.",
};

import type { Clock } from "@iot-esim/shared/runtime/clock";
import type { FastifyRequest } from "fastify";
import { type ApiKey, hashOfApiKey } from "../domain/api-key.ts";
import type { AccessStore } from "../storage/store.ts";
import { ApiError } from "./errors.ts";

const READING_METHODS = new Set(["GET", "HEAD", "OPTIONS"]);
/** The last use is noted this coarsely, so that reading does not turn into writing. */
const USE_NOTED_EVERY_MS = 60_000;

declare module "fastify" {
	interface FastifyRequest {
		/** The key that the request came with; there on every route that asks for one. */
		apiKey: ApiKey | null;
	}
}

/** @throws ApiError API_KEY_REQUIRED, API_KEY_INVALID, API_KEY_READ_ONLY */
export async function authenticate(request: FastifyRequest, store: AccessStore, clock: Clock): Promise<void> {
	const [scheme, secret] = (request.headers.authorization ?? "").split(" ");
	if (scheme?.toLowerCase() !== "bearer" || !secret) {
		throw new ApiError("API_KEY_REQUIRED", "the request has no Authorization header with a bearer key");
	}
	// Looked up by its hash: how long the look-up takes says nothing about the key.
	const key = await store.findApiKey(hashOfApiKey(secret));
	if (!key || key.revokedAt !== undefined) throw new ApiError("API_KEY_INVALID", "the API key is unknown or revoked");
	if (key.readOnly && !READING_METHODS.has(request.method)) {
		throw new ApiError("API_KEY_READ_ONLY", `the API key "${key.name}" may not ${request.method}`);
	}
	request.apiKey = key;
	const now = clock.now();
	if (now - (key.lastUsedAt ?? 0) >= USE_NOTED_EVERY_MS) {
		// With a full disk reading must still work: it is how an operator finds out.
		await store.noteApiKeyUsed(key.id, now).catch(() => undefined);
	}
}

/** The name under which the audit remembers who asked. */
export function actorOf(request: FastifyRequest): string {
	return request.apiKey?.name ?? "unknown";
}

import { Type } from "@sinclair/typebox";
import { API_KEY_RANDOM, makeApiKey } from "../../domain/api-key.ts";
import type { ApiDeps } from "../api-deps.ts";
import { actorOf } from "../auth.ts";
import { ApiError } from "../errors.ts";
import { ApiKeyView, Name } from "../schemas.ts";
import type { ApiServer } from "../server.ts";
import { apiKeyView } from "../views.ts";
import { responses } from "./responses.ts";

const tags = ["eim"];

export function apiKeyRoutes(server: ApiServer, { store, clock, random }: ApiDeps): void {
	server.post(
		"/api/v1/api-keys",
		{
			schema: {
				operationId: "createApiKey",
				summary: "Make an API key; `key` is shown this once and never again",
				tags,
				body: Type.Object(
					{ name: Name, readOnly: Type.Optional(Type.Boolean({ default: false })) },
					{ additionalProperties: false },
				),
				response: responses({ 201: Type.Object({ ...ApiKeyView.properties, key: Type.String() }) }),
			},
		},
		async (request, reply) => {
			const at = clock.now();
			const { name, readOnly = false } = request.body;
			const { secret, key } = makeApiKey({ name, readOnly, at }, random.bytes(API_KEY_RANDOM));
			const facts = { name, readOnly };
			await store.saveApiKey(key, { at, actor: actorOf(request), action: "apiKey.made", subject: key.id, facts });
			return reply.code(201).send({ ...apiKeyView(key), key: secret });
		},
	);
	server.get(
		"/api/v1/api-keys",
		{
			schema: {
				operationId: "listApiKeys",
				summary: "List API keys, without the keys themselves",
				tags,
				response: responses({ 200: Type.Object({ items: Type.Array(ApiKeyView) }) }),
			},
		},
		async () => ({ items: (await store.listApiKeys()).map(apiKeyView) }),
	);
	server.delete(
		"/api/v1/api-keys/:id",
		{
			schema: {
				operationId: "revokeApiKey",
				summary: "Revoke an API key at once",
				tags,
				params: Type.Object({ id: Type.String({ maxLength: 100 }) }),
				response: responses({ 204: Type.Null({ description: "Revoked." }) }, 404),
			},
		},
		async (request, reply) => {
			const { id } = request.params;
			const at = clock.now();
			const audit = { at, actor: actorOf(request), action: "apiKey.revoked", subject: id, facts: {} };
			if (!(await store.revokeApiKey(id, at, audit))) {
				throw new ApiError("API_KEY_UNKNOWN", `there is no valid API key with the id ${id}`);
			}
			return reply.code(204).send(null);
		},
	);
}

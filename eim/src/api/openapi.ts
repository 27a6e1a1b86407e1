import type { FastifyDynamicSwaggerOptions } from "@fastify/swagger";

/** What `GET /api/v1/openapi.json` says beyond the routes themselves. */
export function openapiOptions(version: string): FastifyDynamicSwaggerOptions {
	return {
		openapi: {
			openapi: "3.1.0",
			info: {
				title: "eIM API",
				version,
				description:
					"Orders for IoT devices with an eUICC (GSMA SGP.32). An order is accepted with 202 and carried out when " +
					"the device polls; follow it by its id or by the event stream. Errors are application/problem+json.",
				license: { name: "Apache-2.0", identifier: "Apache-2.0" },
			},
			servers: [{ url: "/", description: "This eIM" }],
			components: { securitySchemes: { apiKey: { type: "http", scheme: "bearer", description: "An API key." } } },
			security: [{ apiKey: [] }],
			tags: [
				{ name: "devices", description: "eUICCs that belong to this eIM." },
				{ name: "operations", description: "What devices are ordered to do." },
				{ name: "events", description: "What happened, as it happens, and who ordered it." },
				{ name: "eim", description: "This eIM itself." },
			],
		},
	};
}

type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };

/**
 * Gives every schema that has a `schemaName` its place under components and refers to it from everywhere else; takes
 * away `expected`, which only our messages use.
 */
export function withNamedSchemas(document: object): Record<string, unknown> {
	const named: Record<string, Json> = {};
	const walk = (value: Json): Json => {
		if (Array.isArray(value)) return value.map(walk);
		if (typeof value !== "object" || value === null) return value;
		const { schemaName, expected, ...rest } = value as Record<string, Json>;
		const walked = Object.fromEntries(Object.entries(rest).map(([key, one]) => [key, walk(one)]));
		// A field of an answer may have the same name as our annotation; its value is a schema, not a text.
		if (expected !== undefined && typeof expected !== "string") walked.expected = walk(expected);
		if (typeof schemaName !== "string") return walked;
		named[schemaName] = walked;
		return { $ref: `#/components/schemas/${schemaName}` };
	};
	const walked = walk(JSON.parse(JSON.stringify(document)) as Json) as Record<string, Record<string, unknown>>;
	return { ...walked, components: { ...walked.components, schemas: named } };
}

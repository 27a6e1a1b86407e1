import { beforeAll, describe, expect, it } from "vitest";
import { apiBench } from "../../../test/support/api-bench.ts";

interface Operation {
	operationId?: string;
	summary?: string;
	parameters?: { name: string; in: string; required?: boolean }[];
	responses: Record<string, { description?: string; content?: Record<string, { schema: unknown }> }>;
}
interface Document {
	openapi: string;
	info: { title: string; version: string };
	paths: Record<string, Record<string, Operation>>;
	components: { schemas: Record<string, unknown>; securitySchemes: Record<string, unknown> };
}

let document: Document;
beforeAll(async () => {
	const bench = await apiBench();
	document = (await bench.api.inject({ url: "/api/v1/openapi.json" })).json();
	await bench.close();
});

const operations = () =>
	Object.entries(document.paths).flatMap(([path, methods]) =>
		Object.entries(methods).map(([method, operation]) => ({ path, method, operation })),
	);

describe("the OpenAPI document", () => {
	it("is of version 3.1 and has the endpoints that bench, CLI and console stand on", () => {
		expect(document.openapi).toBe("3.1.0");
		expect(document.info.version).toBe("1.2.3");
		expect(
			operations()
				.map(({ method, path }) => `${method.toUpperCase()} ${path}`)
				.sort(),
		).toEqual([
			"DELETE /api/v1/api-keys/{id}",
			"DELETE /api/v1/devices/{eid}",
			"GET /api/v1/api-keys",
			"GET /api/v1/audit",
			"GET /api/v1/devices",
			"GET /api/v1/devices/{eid}",
			"GET /api/v1/devices/{eid}/notifications",
			"GET /api/v1/devices/{eid}/profiles",
			"GET /api/v1/devices/{eid}/wake-ups",
			"GET /api/v1/eim-configuration",
			"GET /api/v1/eim-keys",
			"GET /api/v1/events",
			"GET /api/v1/operations",
			"GET /api/v1/operations/{id}",
			"GET /api/v1/seen-unknown",
			"GET /healthz",
			"GET /metrics",
			"PATCH /api/v1/devices/{eid}",
			"POST /api/v1/api-keys",
			"POST /api/v1/devices",
			"POST /api/v1/devices/{eid}/operations",
			"POST /api/v1/eim-keys/updates",
			"POST /api/v1/operations/{id}/cancel",
		]);
	});

	it("names every operation once, in words too, and declares each parameter of its path", () => {
		const ids = operations().map(({ operation }) => operation.operationId);
		expect(new Set(ids).size).toBe(ids.length);
		for (const { path, operation } of operations()) {
			expect(operation.summary, path).toBeTruthy();
			const declared = (operation.parameters ?? []).filter((parameter) => parameter.in === "path");
			const named = [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name);
			expect(declared.map(({ name }) => name).sort(), path).toEqual(named.sort());
			for (const { required } of declared) expect(required, path).toBe(true);
		}
	});

	it("describes every answer, and every refusal as a problem", () => {
		for (const { path, method, operation } of operations()) {
			const where = `${method} ${path}`;
			for (const [status, response] of Object.entries(operation.responses)) {
				expect(response.description, `${where} ${status}`).toBeTruthy();
				if (Number(status) < 400 || status === "503") continue;
				const schema = response.content?.["application/problem+json"]?.schema;
				expect(schema, `${where} ${status}`).toEqual({ $ref: "#/components/schemas/Problem" });
			}
		}
	});

	it("refers only to what is there, and leaves no word of ours that OpenAPI does not know", () => {
		const references: string[] = [];
		const strangers: string[] = [];
		const walk = (value: unknown, path: string): void => {
			if (Array.isArray(value)) for (const [i, one] of value.entries()) walk(one, `${path}/${i}`);
			if (typeof value !== "object" || value === null || Array.isArray(value)) return;
			for (const [key, one] of Object.entries(value)) {
				if (key === "$ref" && typeof one === "string") references.push(one);
				else if (["$id", "schemaName", "expected"].includes(key) && !path.endsWith("/properties")) strangers.push(path);
				walk(one, `${path}/${key}`);
			}
		};
		walk(document, "");
		expect(strangers).toEqual([]);
		expect(references.length).toBeGreaterThan(20);
		for (const reference of new Set(references)) {
			const name = reference.replace("#/components/schemas/", "");
			expect(Object.keys(document.components.schemas)).toContain(name);
		}
	});
});

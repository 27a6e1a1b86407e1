import type { TSchema } from "@sinclair/typebox";
import { TypeCompiler, type ValueError, ValueErrorType } from "@sinclair/typebox/compiler";
import { Value } from "@sinclair/typebox/value";
import { ApiError, type FieldProblem } from "./errors.ts";

const FIELDS_NAMED_AT_MOST = 10;

/** Text that only fits a schema after conversion: everything outside the body is text on the wire. */
const CONVERTED = new Set(["querystring", "params", "headers"]);

/**
 * The check of one part of a request. A union that tells its arms apart by `type` is checked against the arm that the
 * value names, so that the message speaks of the field that is wrong and not of the union.
 */
export function compileValidator(
	schema: TSchema,
	part: string,
): (value: unknown) => { value: unknown } | { error: Error } {
	const checkOf = armsOf(schema) ?? (() => schema);
	const compiled = new Map<TSchema, ReturnType<typeof TypeCompiler.Compile>>();
	return (given) => {
		const chosen = checkOf(given);
		if (chosen instanceof ApiError) return { error: chosen };
		let check = compiled.get(chosen);
		if (!check) {
			check = TypeCompiler.Compile(chosen);
			compiled.set(chosen, check);
		}
		const value = Value.Default(chosen, CONVERTED.has(part) ? Value.Convert(chosen, given ?? {}) : given);
		if (check.Check(value)) return { value };
		return { error: invalid(part, [...check.Errors(value)]) };
	};
}

function invalid(part: string, errors: readonly ValueError[]): ApiError {
	const problems = new Map<string, FieldProblem>();
	for (const error of errors.flatMap(withinArm)) {
		const field = fieldOf(part, error.path);
		if (!problems.has(field)) problems.set(field, { field, message: messageOf(error) });
		if (problems.size === FIELDS_NAMED_AT_MOST) break;
	}
	const fields = [...problems.values()];
	return new ApiError(
		"API_REQUEST_INVALID",
		fields.map(({ field, message }) => `${field}: ${message}`).join("; "),
		fields,
	);
}

/** An error of a union inside of a value as what is wrong with the arm that the value names. */
function withinArm(error: ValueError): readonly Pick<ValueError, "path" | "type" | "schema" | "value" | "message">[] {
	if (error.type !== ValueErrorType.Union) return [error];
	const arm = objectOrNull(error) ?? armsOf(error.schema)?.(error.value);
	if (arm === undefined) return [error];
	if (arm instanceof ApiError) {
		const path = `${error.path}/type`;
		return [{ ...error, path, message: arm.fields[0]?.message ?? arm.message, schema: {} as TSchema }];
	}
	return [...Value.Errors(arm, error.value)].map((inner) => ({ ...inner, path: error.path + inner.path }));
}

/** For a union of one object and null: the object, which is what a value that is none of both should have been. */
function objectOrNull({ schema, value }: Pick<ValueError, "schema" | "value">): TSchema | undefined {
	const arms = (schema.anyOf as readonly TSchema[] | undefined)?.filter(({ type }) => type !== "null") ?? [];
	const [only] = arms;
	return arms.length === 1 && only?.type === "object" && typeof value === "object" ? only : undefined;
}

const PART_NAMES: Readonly<Record<string, string>> = { querystring: "query", params: "path", headers: "header" };

function fieldOf(part: string, path: string): string {
	return [PART_NAMES[part] ?? part, ...path.split("/").filter((step) => step !== "")].join(".");
}

function messageOf(error: Pick<ValueError, "type" | "schema" | "value" | "message">): string {
	// Schemas say in their own words what they want; the general message is for those that need no words.
	const words = (error.schema as { expected?: unknown }).expected;
	if (error.type === ValueErrorType.ObjectRequiredProperty) {
		return typeof words === "string" ? `is missing: ${words}` : "is missing";
	}
	if (error.type === ValueErrorType.ObjectAdditionalProperties) return "is not a field of this request";
	if (typeof words === "string") return `${shown(error.value)} is not ${words}`;
	return error.message.charAt(0).toLowerCase() + error.message.slice(1);
}

function shown(value: unknown): string {
	const text = JSON.stringify(value) ?? "nothing";
	return text.length > 60 ? `${text.slice(0, 60)}…` : text;
}

/** For a union of objects with a literal `type`: how to choose the arm. */
function armsOf(schema: TSchema): ((value: unknown) => TSchema | ApiError) | undefined {
	const arms = schema.anyOf as readonly TSchema[] | undefined;
	const named = new Map<string, TSchema>();
	for (const arm of arms ?? []) {
		const type: unknown = arm.properties?.type?.const;
		if (typeof type !== "string") return undefined;
		named.set(type, arm);
	}
	if (named.size === 0) return undefined;
	return (value) => {
		const type = typeof value === "object" && value !== null ? (value as { type?: unknown }).type : undefined;
		const arm = typeof type === "string" ? named.get(type) : undefined;
		if (arm) return arm;
		const message = `${shown(type)} is none of ${[...named.keys()].join(", ")}`;
		return new ApiError("API_REQUEST_INVALID", `body.type: ${message}`, [{ field: "body.type", message }]);
	};
}

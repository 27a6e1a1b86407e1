import { createHash } from "node:crypto";
import { Eid } from "@iot-esim/shared/ids/eid";
import { toHex } from "@iot-esim/shared/util/bytes";
import { type Static, Type } from "@sinclair/typebox";
import type { NewAuditEntry } from "../../domain/audit-entry.ts";
import { type Device, nextCounter } from "../../domain/device.ts";
import { DomainError } from "../../domain/errors.ts";
import { checkPackage, isFarewell } from "../../domain/euicc-command.ts";
import {
	commandsOf,
	OPERATION_STATES,
	OPERATION_TYPES,
	type Operation,
	type OperationOrder,
	type OperationState,
	type OperationType,
} from "../../domain/operation.ts";
import { warningsOf } from "../../domain/operation-warnings.ts";
import type { ApiDeps } from "../api-deps.ts";
import { actorOf } from "../auth.ts";
import { ApiError } from "../errors.ts";
import { explainOperations } from "../last-attempts.ts";
import { orderOf } from "../operation-order.ts";
import { Accepted, EidText, OperationRequest, OperationView, PageQuery, pageOf } from "../schemas.ts";
import type { ApiServer } from "../server.ts";
import { operationView } from "../views.ts";
import { deviceOf, unknownDevice } from "./devices.ts";
import { responses } from "./responses.ts";

const tags = ["operations"];
const ById = Type.Object({ id: Type.String({ maxLength: 100 }) });

export function operationRoutes(server: ApiServer, deps: ApiDeps): void {
	createRoute(server, deps);
	listRoute(server, deps);
	showRoute(server, deps);
	cancelRoute(server, deps);
}

const createSchema = {
	operationId: "createOperation",
	summary: "Order something from a device",
	description: "Answered before the device knows of it: the operation is carried out at its next poll.",
	tags,
	params: Type.Object({ eid: EidText }),
	headers: Type.Object({
		"idempotency-key": Type.Optional(
			Type.String({
				minLength: 1,
				maxLength: 200,
				description: "A repetition under the same key gets the first answer and orders nothing again.",
			}),
		),
	}),
	body: OperationRequest,
	response: responses({ 202: Accepted }, 404, 409, 422),
};

function createRoute(server: ApiServer, deps: ApiDeps): void {
	const { store, clock, random, limits, eimConfiguration: own } = deps;
	server.post("/api/v1/devices/:eid/operations", { schema: createSchema }, async (request, reply) => {
		const device = await deviceOf(deps, request.params.eid);
		const order = orderOf(request.body as OperationRequest, own);
		refuseImpossible(order, device, own.eimId);
		const at = clock.now();
		const key = request.headers["idempotency-key"];
		const expiry = request.body.expiresIn === undefined ? limits.operationExpiry : request.body.expiresIn * 1000;
		const operation: Operation = {
			...order,
			id: `op_${toHex(random.bytes(12)).toLowerCase()}`,
			eid: device.eid,
			tenantId: device.tenantId,
			origin: "operator",
			state: "queued",
			createdAt: at,
			updatedAt: at,
			expiresAt: at + expiry,
			...(key === undefined ? {} : { idempotencyKey: key }),
		};
		const warnings = [...warningsOf(order, device, await store.listProfiles(device.eid), own.eimId)];
		const answer: Static<typeof Accepted> = {
			id: operation.id,
			state: operation.state,
			...(warnings.length > 0 ? { warnings } : {}),
		};
		const facts = { eid: device.eid, type: order.type };
		const audit = { at, actor: actorOf(request), action: "operation.ordered", subject: operation.id, facts };
		const claim = key === undefined ? undefined : claimOf(key, request, answer, at);
		if (mustAskFirst(order, device, own.eimId)) await enqueueQuestion(deps, operation, audit);
		const enqueued = await store.enqueueOperation(operation, audit, claim);
		if (enqueued.kind === "unknownDevice") throw unknownDevice(device.eid);
		if (enqueued.kind === "keyReused") {
			throw new ApiError("API_IDEMPOTENCY_KEY_REUSED", `the key "${key}" came before with another request`);
		}
		const given = enqueued.kind === "repeated" ? (JSON.parse(enqueued.answer) as Static<typeof Accepted>) : answer;
		return reply.code(202).header("location", `/api/v1/operations/${given.id}`).send(given);
	});
}

/**
 * Whether the eIM needs to know something of the device before it carries out the order: the result of a farewell could not
 * be verified later, and how an IPA downloads decides whether it may be sent at all.
 */
function mustAskFirst(order: OperationOrder, device: Device, ownEimId: string): boolean {
	if (order.type !== "download")
		return isFarewell(commandsOf(order), ownEimId) && device.euiccCertificate === undefined;
	const { mode, expected } = order.parameters;
	return device.ipaCapabilities === undefined && (mode !== undefined || expected !== undefined);
}

/** The eIM's own question for certificates and capabilities; it goes first. */
async function enqueueQuestion({ store, random }: ApiDeps, order: Operation, audit: NewAuditEntry): Promise<void> {
	const { id: _id, idempotencyKey: _key, type: _type, parameters: _parameters, ...rest } = order;
	const id = toHex(random.bytes(16)).toLowerCase();
	const question: Operation = { ...rest, type: "readEuiccData", parameters: {}, id, origin: "eim" };
	await store.enqueueOperation(question, { ...audit, actor: "eim", subject: id });
}

/** @throws DomainError for what could never be carried out, before anything is queued */
function refuseImpossible(order: OperationOrder, device: Device, ownEimId: string): void {
	const { eid, releasedAt } = device;
	if (releasedAt !== undefined) {
		const message = `this eIM has been removed from eUICC ${eid} (${new Date(releasedAt).toISOString()})`;
		throw new DomainError("DEVICE_RELEASED", message, { context: { eid } });
	}
	const commands = commandsOf(order);
	const refusal = commands.length === 0 ? undefined : checkPackage(commands, ownEimId);
	if (refusal !== undefined) throw refusal;
	const counter = nextCounter(device, order);
	if (counter instanceof Error) throw counter;
}

function claimOf(
	key: string,
	request: { apiKey: { id: string } | null; url: string; body: unknown },
	answer: object,
	at: number,
) {
	const digest = createHash("sha256")
		.update(`${request.url}\n${canonical(request.body)}`)
		.digest("hex");
	return { key, scope: request.apiKey?.id ?? "", digest, answer: JSON.stringify(answer), at };
}

/** The same text for the same JSON value, whatever the order of its fields. */
function canonical(value: unknown): string {
	return JSON.stringify(value, (_key, one: unknown) =>
		typeof one === "object" && one !== null && !Array.isArray(one)
			? Object.fromEntries(Object.entries(one).sort(([a], [b]) => (a < b ? -1 : 1)))
			: one,
	);
}

const listOf = (names: readonly string[]) =>
	Type.String({
		pattern: `^(${names.join("|")})(,(${names.join("|")}))*$`,
		expected: `a list out of ${names.join(", ")}, separated by commas`,
	});

function listRoute(server: ApiServer, deps: ApiDeps): void {
	const { store } = deps;
	server.get(
		"/api/v1/operations",
		{
			schema: {
				operationId: "listOperations",
				summary: "List operations, newest first",
				tags,
				querystring: Type.Object(
					{
						...PageQuery,
						eid: Type.Optional(EidText),
						state: Type.Optional(listOf(OPERATION_STATES)),
						type: Type.Optional(listOf(OPERATION_TYPES)),
						origin: Type.Optional(
							Type.Union([Type.Literal("operator"), Type.Literal("eim")], { expected: "operator or eim" }),
						),
					},
					{ additionalProperties: false },
				),
				response: responses({ 200: pageOf(OperationView) }),
			},
		},
		async ({ query }) => {
			const { limit = 50, cursor, eid, state, type, origin } = query;
			if (eid !== undefined && !Eid.is(eid)) return { items: [] };
			const page = await store.listOperations({
				limit,
				cursor,
				eid,
				origin,
				states: state?.split(",") as OperationState[] | undefined,
				types: type?.split(",") as OperationType[] | undefined,
			});
			return { ...page, items: (await explainOperations(deps, page.items)).map(operationView) };
		},
	);
}

function showRoute(server: ApiServer, deps: ApiDeps): void {
	server.get(
		"/api/v1/operations/:id",
		{
			schema: {
				operationId: "getOperation",
				summary: "How far an operation is, and why",
				tags,
				params: ById,
				response: responses({ 200: OperationView }, 404),
			},
		},
		async ({ params }) => {
			const operation = await deps.store.loadOperation(params.id);
			if (!operation) throw unknownOperation(params.id);
			const [explained = operation] = await explainOperations(deps, [operation]);
			return operationView(explained);
		},
	);
}

function cancelRoute(server: ApiServer, { store, clock }: ApiDeps): void {
	server.post(
		"/api/v1/operations/:id/cancel",
		{
			schema: {
				operationId: "cancelOperation",
				summary: "Cancel an operation that no device has been given yet",
				tags,
				params: ById,
				response: responses({ 200: OperationView }, 404, 409),
			},
		},
		async (request) => {
			const { id } = request.params;
			const at = clock.now();
			const actor = actorOf(request);
			const event = { kind: "cancelled", at, reason: { text: `Cancelled by ${actor}.` } } as const;
			const audit = { at, actor, action: "operation.cancelled", subject: id, facts: {} };
			const moved = await store.moveOperation(id, event, audit);
			if (!moved) throw unknownOperation(id);
			if (moved instanceof Error) throw moved;
			return operationView(moved);
		},
	);
}

function unknownOperation(id: string): ApiError {
	return new ApiError("API_OPERATION_UNKNOWN", `there is no operation ${id}`);
}

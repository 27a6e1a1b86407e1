import { X509Certificate } from "node:crypto";
import { Eid } from "@iot-esim/shared/ids/eid";
import { type Static, Type } from "@sinclair/typebox";
import { type Device, type DeviceChange, type InjectAddress, newDevice } from "../../domain/device.ts";
import { setDialect } from "../../domain/dialect.ts";
import type { NewJob } from "../../storage/store.ts";
import type { ApiDeps, EimConfiguration } from "../api-deps.ts";
import { actorOf } from "../auth.ts";
import { ApiError } from "../errors.ts";
import {
	DeviceLinkName,
	DevicePatch,
	DeviceView,
	EidText,
	NewDevice,
	NotificationView,
	PageQuery,
	ProfileView,
	pageOf,
	SeenUnknownView,
} from "../schemas.ts";
import type { ApiServer } from "../server.ts";
import { deviceView, notificationView, profileView, seenUnknownView, smdsPollingView } from "../views.ts";
import { awakeRuleOf, sleepView, wakeUpAddressOf } from "../wake-views.ts";
import { responses } from "./responses.ts";

const ByEid = Type.Object({ eid: EidText });
const tags = ["devices"];
const WithProfiles = Type.Object(
	{ ...DeviceView.properties, profiles: Type.Array(ProfileView) },
	{ schemaName: "DeviceWithProfiles" },
);

/** @throws ApiError API_DEVICE_UNKNOWN */
export async function deviceOf({ store }: ApiDeps, eid: string): Promise<Device> {
	const device = Eid.is(eid) ? await store.loadDevice(eid) : undefined;
	if (!device) throw unknownDevice(eid);
	return device;
}

export function unknownDevice(eid: string): ApiError {
	return new ApiError("API_DEVICE_UNKNOWN", `no device with the EID ${eid} is registered`);
}

export function deviceRoutes(server: ApiServer, deps: ApiDeps): void {
	registerRoute(server, deps);
	readRoutes(server, deps);
	changeRoutes(server, deps);
	partRoutes(server, deps);
}

function registerRoute(server: ApiServer, { store, clock, eimConfiguration: own }: ApiDeps): void {
	server.post(
		"/api/v1/devices",
		{
			schema: {
				operationId: "registerDevice",
				summary: "Register a device by its EID",
				tags,
				body: NewDevice,
				response: responses({ 201: DeviceView }, 409),
			},
		},
		async (request, reply) => {
			const at = clock.now();
			const { signingKeyId } = knownKeys(own, request.body.signingKeyId);
			const told = { signingKeyId, tlsTrustId: own.tlsTrustId };
			const { dialect: given, ...body } = request.body;
			const dialect = given && setDialect(given);
			const device = newDevice({ ...body, ...told, dialect, eid: validEid(body.eid), at });
			const { eid, name } = device;
			const audit = { at, actor: actorOf(request), action: "device.registered", subject: eid, facts: { name } };
			if (!(await store.registerDevice(device, audit))) {
				throw new ApiError("API_DEVICE_EXISTS", `the EID ${eid} is registered already`);
			}
			const stored = (await store.loadDevice(eid)) ?? device;
			return reply.code(201).header("location", `/api/v1/devices/${eid}`).send(deviceView(stored));
		},
	);
}

/** @throws ApiError API_REQUEST_INVALID for a key that this eIM could not sign with */
function knownKeys(own: EimConfiguration, signingKeyId = own.signingKeyIds[0]): { readonly signingKeyId: string } {
	if (signingKeyId !== undefined && own.signingKeyIds.includes(signingKeyId)) return { signingKeyId };
	const message = `${signingKeyId} is no key of this eIM; it has ${own.signingKeyIds.join(", ")}`;
	throw new ApiError("API_REQUEST_INVALID", `body.signingKeyId: ${message}`, [{ field: "body.signingKeyId", message }]);
}

/** What a request changes in the device's row. */
function changeOf(
	{ association, signingKeyId, inject, smdsPolling, wakeUp, awake, dialect, ...body }: DevicePatch,
	{ eimConfiguration: own, checkWakeUp }: ApiDeps,
	at: number,
): DeviceChange {
	const change = {
		...body,
		...(dialect === undefined ? {} : { dialect: setDialect(dialect) }),
		...(inject === undefined ? {} : { inject: inject && injectAddress(inject) }),
		...(smdsPolling === undefined
			? {}
			: { smdsPolling: smdsPolling && { ...smdsPolling, every: smdsPolling.every * 1000, since: at } }),
		...(wakeUp === undefined ? {} : { wakeUp: wakeUp && wakeUpAddressOf(wakeUp, checkWakeUp) }),
		...(awake === undefined ? {} : { awake: awake && awakeRuleOf(awake) }),
	} as DeviceChange;
	if (association === "released") return { ...change, releasedAt: at };
	if (association === "associated") {
		// The card was told of this eIM anew: of its key and its TLS server as they are now.
		const told = { ...knownKeys(own, signingKeyId), tlsTrustId: own.tlsTrustId ?? null };
		return { ...change, ...told, releasedAt: null, cardEims: null };
	}
	return signingKeyId === undefined ? change : { ...change, ...knownKeys(own, signingKeyId) };
}

/** @throws ApiError API_REQUEST_INVALID for text that is no certificate */
function injectAddress({ binding = "asn1", ...address }: NonNullable<DevicePatch["inject"]>): InjectAddress {
	const { url, certificate } = address;
	// Over CoAP a key that the device shares with this eIM may take the place of a certificate.
	const needsNone = /^(mqtt|lwm2m|coaps):/.test(url);
	if (needsNone && certificate === undefined && binding === "asn1") return { url, binding };
	if (url.startsWith("coaps:") && binding !== "asn1") {
		const [field, message] = ["body.inject.binding", "over CoAP messages are ASN.1"];
		throw new ApiError("API_REQUEST_INVALID", `${field}: ${message}`, [{ field, message }]);
	}
	try {
		new X509Certificate(certificate ?? "");
		return { ...address, binding };
	} catch {
		const [field, message] = ["body.inject.certificate", "cannot be read as a certificate"];
		throw new ApiError("API_REQUEST_INVALID", `${field}: ${message}`, [{ field, message }]);
	}
}

function validEid(text: string): Eid {
	try {
		return Eid(text);
	} catch (error) {
		// Most often one digit was mistyped: the check digits of an EID find that.
		const message = error instanceof Error ? error.message : "is not an EID";
		throw new ApiError("API_REQUEST_INVALID", `body.eid: ${message}`, [{ field: "body.eid", message }]);
	}
}

function readRoutes(server: ApiServer, deps: ApiDeps): void {
	const { store } = deps;
	const Query = Type.Object(
		{
			...PageQuery,
			search: Type.Optional(Type.String({ maxLength: 100, description: "Part of the EID or of the name." })),
			tag: Type.Optional(
				Type.String({
					pattern: "^[^=,]+=[^,]*(,[^=,]+=[^,]*)*$",
					expected: "name=value, several separated by commas",
					description: "name=value; several separated by commas must all be there.",
				}),
			),
			link: Type.Optional(DeviceLinkName),
			labMode: Type.Optional(Type.Boolean({ description: "Only devices in a lab mode, or only those in none." })),
		},
		{ additionalProperties: false },
	);
	server.get(
		"/api/v1/devices",
		{
			schema: {
				operationId: "listDevices",
				summary: "List devices in the order of their EIDs",
				tags,
				querystring: Query,
				response: responses({ 200: pageOf(DeviceView) }),
			},
		},
		async ({ query }) => {
			const { limit = 50, cursor, search, labMode, link } = query;
			const now = deps.clock.now();
			const page = await store.listDevices({ limit, cursor, search, labMode, link, tags: tagsOf(query.tag) });
			return { ...page, items: page.items.map((device) => ({ ...deviceView(device), ...sleepView(device, now) })) };
		},
	);
	server.get(
		"/api/v1/devices/:eid",
		{
			schema: {
				operationId: "getDevice",
				summary: "A device with its profiles",
				tags,
				params: ByEid,
				response: responses({ 200: WithProfiles }, 404),
			},
		},
		async ({ params }) => {
			const device = await deviceOf(deps, params.eid);
			const profiles = await store.listProfiles(device.eid);
			const sleep = sleepView(device, deps.clock.now());
			return {
				...deviceView(device),
				...sleep,
				...(await pollingOf(deps, device)),
				profiles: profiles.map(profileView),
			};
		},
	);
}

/** Operations of a device among which its last question to an SM-DS is looked for. */
const OPERATIONS_LOOKED_AT = 20;

async function pollingOf({ store }: ApiDeps, { eid, smdsPolling }: Device) {
	if (smdsPolling === undefined) return {};
	const job = await store.findJob("smdsPolling", eid);
	const query = { eid, types: ["download"], origin: "eim", limit: OPERATIONS_LOOKED_AT } as const;
	const last = (await store.listOperations(query)).items.find(
		({ parameters, finishedAt }) =>
			"contact" in parameters && parameters.contact === "smds" && finishedAt !== undefined,
	);
	return { smdsPolling: smdsPollingView(smdsPolling, job?.runAfter, last) };
}

function tagsOf(text: string | undefined): Record<string, string> | undefined {
	if (text === undefined) return undefined;
	return Object.fromEntries(
		text.split(",").map((pair) => [pair.slice(0, pair.indexOf("=")), pair.slice(pair.indexOf("=") + 1)]),
	);
}

/** What waits is brought by the new way, or at the new time, at once. */
function jobsOf(body: Static<typeof DevicePatch>, { eid, inject, wakeUp }: Device, runAfter: number): NewJob[] {
	const isBrought = inject !== undefined && ("inject" in body || "awake" in body);
	const isWoken = wakeUp !== undefined && ("wakeUp" in body || "awake" in body || "inject" in body);
	return [
		...(isBrought ? [{ kind: "packageInjection", reference: eid, runAfter } as const] : []),
		...(isWoken ? [{ kind: "deviceWakeUp", reference: eid, runAfter } as const] : []),
	];
}

function changeRoutes(server: ApiServer, deps: ApiDeps): void {
	const { store, clock } = deps;
	server.patch(
		"/api/v1/devices/:eid",
		{
			schema: {
				operationId: "changeDevice",
				summary: "Change name, tags, lab mode, dialect, SM-DS polling, ways to the device or association",
				description: "Absent fields stay as they are; null removes. Every change is in the audit.",
				tags,
				params: ByEid,
				body: DevicePatch,
				response: responses({ 200: DeviceView }, 404),
			},
		},
		async (request) => {
			const { eid } = await deviceOf(deps, request.params.eid);
			const at = clock.now();
			const facts = factsOf(request.body);
			const audit = { at, actor: actorOf(request), action: "device.changed", subject: eid, facts };
			const changed = await store.changeDevice(eid, changeOf(request.body, deps, at), audit);
			if (!changed) throw unknownDevice(eid);
			if (changed instanceof Error) throw changed;
			await store.saveJobs(jobsOf(request.body, changed, at), at);
			if ("acceptUnverified" in request.body || "labMode" in request.body) {
				deps.log.warn("lab mode changed", { eid, actor: audit.actor, ...facts });
			}
			return { ...deviceView(changed), ...sleepView(changed, at) };
		},
	);
	server.delete(
		"/api/v1/devices/:eid",
		{
			schema: {
				operationId: "removeDevice",
				summary: "Remove a device with its operations, results and notifications",
				tags,
				params: ByEid,
				response: responses({ 204: Type.Null({ description: "Removed." }) }, 404),
			},
		},
		async (request, reply) => {
			const { eid, name } = await deviceOf(deps, request.params.eid);
			const audit = {
				at: clock.now(),
				actor: actorOf(request),
				action: "device.removed",
				subject: eid,
				facts: { name },
			};
			if (!(await store.removeDevice(eid, audit))) throw unknownDevice(eid);
			return reply.code(204).send(null);
		},
	);
}

function factsOf(patch: Static<typeof DevicePatch>): Record<string, string | number | boolean> {
	return Object.fromEntries(
		Object.entries(patch).map(([key, value]) => [
			key,
			value === null ? "removed" : typeof value === "object" ? JSON.stringify(value) : value,
		]),
	);
}

function partRoutes(server: ApiServer, deps: ApiDeps): void {
	const { store } = deps;
	server.get(
		"/api/v1/devices/:eid/profiles",
		{
			schema: {
				operationId: "listProfiles",
				summary: "The profiles as the eUICC last reported them under its signature",
				tags,
				params: ByEid,
				response: responses({ 200: Type.Object({ items: Type.Array(ProfileView) }) }, 404),
			},
		},
		async ({ params }) => {
			const { eid } = await deviceOf(deps, params.eid);
			return { items: (await store.listProfiles(eid)).map(profileView) };
		},
	);
	server.get(
		"/api/v1/devices/:eid/notifications",
		{
			schema: {
				operationId: "listNotifications",
				summary: "Notifications of the eUICC and how far their delivery is, newest first",
				tags,
				params: ByEid,
				querystring: Type.Object(PageQuery, { additionalProperties: false }),
				response: responses({ 200: pageOf(NotificationView) }, 404),
			},
		},
		async ({ params, query }) => {
			const { eid } = await deviceOf(deps, params.eid);
			const page = await store.listNotifications(eid, { limit: query.limit ?? 50, cursor: query.cursor });
			return { ...page, items: page.items.map(notificationView) };
		},
	);
	server.get(
		"/api/v1/seen-unknown",
		{
			schema: {
				operationId: "listSeenUnknown",
				summary: "EIDs that polled without being registered, the latest first",
				tags,
				response: responses({ 200: Type.Object({ items: Type.Array(SeenUnknownView) }) }),
			},
		},
		async () => ({ items: (await store.listSeenUnknown()).map(seenUnknownView) }),
	);
}

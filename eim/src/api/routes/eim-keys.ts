import { toHex } from "@iot-esim/shared/util/bytes";
import { EsimError } from "@iot-esim/shared/util/errors";
import { type Static, Type } from "@sinclair/typebox";
import type { Device } from "../../domain/device.ts";
import type { Operation } from "../../domain/operation.ts";
import type { EimKeyCount, EimKeys, Enqueued } from "../../storage/store.ts";
import type { ApiDeps, EimConfiguration } from "../api-deps.ts";
import { actorOf } from "../auth.ts";
import { ExpiresIn } from "../schemas.ts";
import type { ApiServer } from "../server.ts";
import { responses } from "./responses.ts";

const tags = ["eim"];
const UPDATES_AT_ONCE = 1000;

const KeyCount = Type.Object({
	signingKeyId: Type.Optional(Type.String()),
	tlsTrustId: Type.Optional(Type.String()),
	devices: Type.Integer({ description: "Devices whose cards know this eIM so." }),
	updating: Type.Integer({ description: "Of these, how many have an updateEim under way." }),
	isCurrent: Type.Boolean({ description: "It is what new cards are told: nothing is left to do." }),
	isConfigured: Type.Boolean({
		description: "False: this eIM has not got the signing key and can order nothing from them.",
	}),
});

const EimKeysView = Type.Object(
	{
		current: Type.Object({ signingKeyId: Type.String(), tlsTrustId: Type.Optional(Type.String()) }),
		formerSigningKeyIds: Type.Array(Type.String()),
		outdated: Type.Integer({ description: "Devices that still have to be told the current keys." }),
		updating: Type.Integer({ description: "Of the outdated, how many have an updateEim under way." }),
		counts: Type.Array(KeyCount),
	},
	{ schemaName: "EimKeys" },
);

/** Keys by which cards know this eIM, and how far a roll-over to other ones is. */
export function eimKeyRoutes(server: ApiServer, deps: ApiDeps): void {
	server.get(
		"/api/v1/eim-keys",
		{
			schema: {
				operationId: "getEimKeys",
				summary: "By which keys devices know this eIM: how far a roll-over is",
				tags,
				response: responses({ 200: EimKeysView }),
			},
		},
		() => viewOf(deps),
	);
	updateRoute(server, deps);
}

function updateRoute(server: ApiServer, deps: ApiDeps): void {
	const { store, clock, random, limits, eimConfiguration } = deps;
	server.post(
		"/api/v1/eim-keys/updates",
		{
			schema: {
				operationId: "updateEimKeys",
				summary: "Order updateEim from devices that do not know the current keys yet",
				description:
					"Orders it from the next `limit` devices without one under way. Each device is signed for with the key that it knows until its own update is verified.",
				tags,
				body: Type.Object(
					{
						limit: Type.Optional(Type.Integer({ minimum: 1, maximum: UPDATES_AT_ONCE, default: UPDATES_AT_ONCE })),
						expiresIn: Type.Optional(ExpiresIn),
					},
					{ additionalProperties: false },
				),
				response: responses({
					202: Type.Object({
						ordered: Type.Integer({ description: "How many updates were ordered now." }),
						outdated: Type.Integer(),
						updating: Type.Integer(),
					}),
				}),
			},
		},
		async (request, reply) => {
			const { limit = UPDATES_AT_ONCE, expiresIn } = request.body;
			const at = clock.now();
			const actor = actorOf(request);
			const expiry = expiresIn === undefined ? limits.operationExpiry : expiresIn * 1000;
			const devices = await store.listOutdatedDevices(currentOf(eimConfiguration), limit);
			let ordered = 0;
			for (const device of devices) {
				const id = `op_${toHex(random.bytes(12)).toLowerCase()}`;
				const operation = updateOf(device, { id, at, expiresAt: at + expiry });
				const facts = { eid: device.eid, type: operation.type };
				const audit = { at, actor, action: "operation.ordered", subject: id, facts };
				if (await enqueued(store.enqueueOperation(operation, audit))) ordered++;
			}
			const { outdated, updating } = await viewOf(deps);
			return reply.code(202).send({ ordered, outdated, updating });
		},
	);
}

/** False for a device with a full queue: it is behind with more than this, and is found again next time. */
async function enqueued(work: Promise<Enqueued>): Promise<boolean> {
	try {
		return (await work).kind === "enqueued";
	} catch (error) {
		if (error instanceof EsimError && error.code === "STORE_QUEUE_FULL") return false;
		throw error;
	}
}

function updateOf(
	{ eid, tenantId }: Device,
	{ id, at, expiresAt }: { readonly id: string; readonly at: number; readonly expiresAt: number },
): Operation {
	const times = { createdAt: at, updatedAt: at, expiresAt };
	return { type: "updateEim", parameters: {}, id, eid, tenantId, origin: "operator", state: "queued", ...times };
}

function currentOf({ signingKeyIds: [signingKeyId = ""], tlsTrustId }: EimConfiguration): EimKeys {
	return { signingKeyId, tlsTrustId };
}

async function viewOf({ store, eimConfiguration }: ApiDeps): Promise<Static<typeof EimKeysView>> {
	const current = currentOf(eimConfiguration);
	const [, ...formerSigningKeyIds] = eimConfiguration.signingKeyIds;
	const counts = (await store.countEimKeys()).map((count) => ({
		...count,
		isCurrent: isCurrent(count, current),
		isConfigured: count.signingKeyId === undefined || eimConfiguration.signingKeyIds.includes(count.signingKeyId),
	}));
	const outdated = counts.filter((count) => !count.isCurrent);
	const { signingKeyId, tlsTrustId } = current;
	return {
		current: { signingKeyId, ...(tlsTrustId === undefined ? {} : { tlsTrustId }) },
		formerSigningKeyIds,
		outdated: outdated.reduce((sum, { devices }) => sum + devices, 0),
		updating: outdated.reduce((sum, { updating }) => sum + updating, 0),
		counts,
	};
}

function isCurrent(count: EimKeyCount, { signingKeyId, tlsTrustId }: EimKeys): boolean {
	return count.signingKeyId === signingKeyId && (tlsTrustId === undefined || count.tlsTrustId === tlsTrustId);
}

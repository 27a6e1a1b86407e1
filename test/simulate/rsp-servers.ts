import { parseCertificate } from "@iot-esim/shared/pki/certificate";
import { type LoggerFactory, silentLogger } from "@iot-esim/shared/runtime/logger";
import { utf8 } from "@iot-esim/shared/util/bytes";
import { Hours } from "@iot-esim/shared/util/duration";
import type { ServerCredentials } from "@iot-esim/sim/rsp-server/credentials";
import type { PostJson } from "@iot-esim/sim/rsp-server/post-json";
import type { SmdpCredentials } from "@iot-esim/sim/smdp/credentials";
import { createSmdp, type Smdp } from "@iot-esim/sim/smdp/smdp";
import { createSmds, type Smds } from "@iot-esim/sim/smds/smds";
import { SMDP_ADDRESS, SMDS_ADDRESS } from "./addresses.ts";
import { Draws } from "./draws.ts";
import type { DeviceModel, ProfileOfDevice } from "./factory.ts";
import type { Life } from "./life.ts";
import type { Link } from "./link.ts";
import type { Credential, SimulationPki } from "./pki.ts";
import type { DiskState } from "./rsp-server-part.ts";
import { SimulatedDisk } from "./state-disk.ts";

const FOLDER = "state";

export interface ServerDeps {
	readonly pki: SimulationPki;
	readonly random: Draws;
	readonly logger: LoggerFactory;
	/** The way to the SM-DS. */
	readonly internet: Link;
}

/** An SM-DP+ that announces orders at the SM-DS. */
export function makeSmdp({ pki, random, logger, internet }: ServerDeps, life: Life, disk: SimulatedDisk): Smdp {
	const post = { post: (url: string, body: string) => postJson(internet, life, url, body) };
	return createSmdp({
		stateFolder: FOLDER,
		disk,
		credentials: [smdpCredentials(pki)],
		addresses: [SMDP_ADDRESS],
		clock: life.clock,
		random,
		logger,
		sessionLifetime: Hours(1),
		postToSmds: life.owning("smds", post).post,
	});
}

/** A root SM-DS. */
export function makeSmds({ pki, random, logger }: ServerDeps, life: Life, disk: SimulatedDisk): Smds {
	return createSmds({
		stateFolder: FOLDER,
		disk,
		credentials: [credentials(pki, pki.dsAuth, pki.dsTls)],
		addresses: [SMDS_ADDRESS],
		clock: life.clock,
		random,
		logger,
	});
}

/** The files of an SM-DP+ to which all profiles were given and ordered, each in its own way. */
export async function makeSmdpState(pki: SimulationPki, devices: readonly DeviceModel[]): Promise<DiskState> {
	const disk = new SimulatedDisk();
	const clock = { now: () => Date.UTC(2026, 0, 1), schedule: () => () => undefined };
	const smdp = createSmdp({
		stateFolder: FOLDER,
		disk,
		credentials: [smdpCredentials(pki)],
		addresses: [SMDP_ADDRESS],
		clock,
		random: new Draws(0xd9),
		logger: silentLogger,
		postToSmds: () => Promise.reject(new Error("the factory has no way to the SM-DS")),
	});
	for (const { eid, ordered } of devices) for (const profile of ordered) await orderProfile(smdp, eid, profile);
	smdp.stop();
	return disk.files;
}

async function orderProfile(
	smdp: Smdp,
	eid: string,
	{ made, iccid, found, matchingId }: ProfileOfDevice,
): Promise<void> {
	smdp.importProfile(made);
	const named = found === "activationCode" ? {} : { eid };
	const smds = found === "smds" ? { smdsAddress: SMDS_ADDRESS } : {};
	await call(smdp, "downloadOrder", { iccid, ...named });
	await call(smdp, "confirmOrder", { iccid, ...named, ...smds, matchingId, releaseFlag: true });
}

/** A call of ES2+. */
async function call(smdp: Smdp, name: string, members: Readonly<Record<string, unknown>>): Promise<void> {
	const header = { functionRequesterIdentifier: "1.2.3", functionCallIdentifier: `${name} ${String(members.iccid)}` };
	const answer = await smdp.handle({
		method: "POST",
		path: `/gsma/rsp2/es2plus/${name}`,
		headers: { "content-type": "application/json", "x-admin-protocol": "gsma/rsp/v2.5.0" },
		body: new TextEncoder().encode(JSON.stringify({ header, ...members })),
		remoteAddress: "192.0.2.3",
		signal: new AbortController().signal,
	});
	const text = answer.body instanceof Uint8Array ? new TextDecoder().decode(answer.body) : String(answer.body);
	if (!text.includes("Executed-Success")) throw new Error(`ES2+.${name} was answered ${text}`);
}

const postJson = async (internet: Link, life: Life, url: string, body: string): ReturnType<PostJson> => {
	const headers = { "Content-Type": "application/json", "X-Admin-Protocol": "gsma/rsp/v2.5.0" };
	const response = await internet.request(life.clock, { method: "POST", url, headers, body: utf8(body) });
	return { status: response.status, body: new TextDecoder().decode(response.body) };
};

function smdpCredentials(pki: SimulationPki): SmdpCredentials {
	return { ...credentials(pki, pki.dpAuth, pki.dpTls), pb: pki.dpPb };
}

function credentials({ ci, trust }: SimulationPki, auth: Credential, tls: Credential): ServerCredentials {
	const [oid = ""] = parseCertificate(auth.certificate).registeredIds;
	return { curve: "P-256", ci: parseCertificate(ci.certificate), trust, auth, tls, oid };
}

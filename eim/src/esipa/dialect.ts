import { Asn1Error, type Schema } from "@iot-esim/shared/asn1/schema";
import { findTlv, readTlvs, readWholeTlv } from "@iot-esim/shared/asn1/tlv-reader";
import type { Eid } from "@iot-esim/shared/ids/eid";
import { TransactionId } from "@iot-esim/shared/ids/transaction-id";
import type { Lenient } from "@iot-esim/shared/messages/sgp32/deviations";
import { inDialect } from "@iot-esim/shared/messages/sgp32/dialect/encode-in";
import { versionOfEuicc } from "@iot-esim/shared/messages/sgp32/dialect/version";
import type { Device, DeviceChange } from "../domain/device.ts";
import { type Dialect, type DialectOrigin, learnVersion, type Sgp32Version, versionOfIpa } from "../domain/dialect.ts";
import type { EimPackage } from "../domain/eim-package.ts";
import type { EsipaContext, EsipaPeer } from "./esipa-deps.ts";

/**
 * The version that a poll shows: rPLMN under 81 is version 1.0, a cause or rPLMN under 82 a later one; a poll of the EID
 * alone shows nothing.
 */
export function versionOfPoll(body: Uint8Array, { versions }: Lenient<unknown>): Sgp32Version | undefined {
	if (versions?.length === 1) return versions[0];
	const whole = readWholeTlv(body);
	const members = readTlvs(body, whole.valueStart, whole.end);
	const isLater = findTlv(members, 0x81) !== undefined || findTlv(members, 0x82) !== undefined;
	return isLater ? "1.2" : undefined;
}

/**
 * The version that a result shows. Version 1.0 has no place for the EID; an IPA that only leaves it out of its data shows
 * nothing.
 */
export function versionOfResult(body: Uint8Array, { versions }: Lenient<unknown>): Sgp32Version | undefined {
	const whole = readWholeTlv(body);
	const [first] = readTlvs(body, whole.valueStart, whole.end);
	if (first?.tag === 0x5a) return "1.2";
	const isBareResult = first?.tag === 0xbf51 || first?.tag === 0x30 || first?.tag === 0xbf54;
	return isBareResult || versions?.includes("1.0") ? "1.0" : undefined;
}

/** The device with what was just seen of its IPA, stored when it is news. */
export async function noteVersion(
	context: EsipaContext,
	device: Device,
	seen: Sgp32Version | undefined,
	from: DialectOrigin,
): Promise<Device> {
	const dialect = seen && learnVersion(device.dialect, "version", seen, from);
	if (!dialect) return device;
	if (dialect.version !== device.dialect.version) {
		context.logger("eim.esipa").info("version of the IPA learnt", { eid: device.eid, version: seen, from });
	}
	const seenVersion = { of: "version", version: seen, from } as const;
	const changed = await context.store.changeDevice(device.eid, { seenVersion });
	return { ...device, dialect: changed === undefined || changed instanceof Error ? dialect : changed.dialect };
}

/** What EUICCInfo2 (BF22, whole) tells of the version of the eUICC, as a change of its device. */
export function versionChange(device: Pick<Device, "dialect">, euiccInfo2: Uint8Array): DeviceChange {
	try {
		const version = versionOfEuicc(euiccInfo2);
		const dialect = version && learnVersion(device.dialect, "euiccVersion", version, "EUICCInfo2");
		return dialect ? { seenVersion: { of: "euiccVersion", version, from: "EUICCInfo2" } } : {};
	} catch (error) {
		if (error instanceof Asn1Error) return {};
		throw error;
	}
}

/** What an answer is written by. */
type AnswerDialect = Pick<Dialect, "version" | "versionFrom" | "euiccVersion">;

/** An answer of version 1.2 as the IPA of this dialect writes it. */
export function answerIn<T>(dialect: AnswerDialect, schema: Schema<T>, answer: Uint8Array): Uint8Array {
	return inDialect({ version: versionOfIpa(dialect) }, schema, answer);
}

/**
 * In version 1.0 a result names no EID, only the transaction of its package, and it may come over another connection
 * than the poll. So a package for a device that has not shown a later version leaves a row behind.
 */
export async function rememberTransaction(context: EsipaContext, device: Device, sent: EimPackage): Promise<void> {
	const { version, versionFrom } = device.dialect;
	if (version !== "1.0" && versionFrom !== undefined) return;
	const now = context.clock.now();
	await context.store.openSession({
		transactionId: sent.eimTransactionId,
		eid: sent.eid,
		eimTransactionId: sent.eimTransactionId,
		smdpAddress: "",
		state: "initiated",
		details: {},
		createdAt: now,
		updatedAt: now,
		expiresAt: now + context.settings.ownOperationLifetime,
	});
}

/**
 * Whose result this is that names no EID: by its transaction, else by what its sender has proven, or by the connection that
 * the poll came over.
 */
export async function eidOfTransaction(
	context: EsipaContext,
	transactionId: Uint8Array | undefined,
	peer: EsipaPeer | undefined,
): Promise<Eid | undefined> {
	const row = transactionId && (await context.store.loadSession(TransactionId.fromBytes(transactionId)));
	return row?.eid ?? peer?.provenEid ?? peer?.connection?.eid;
}

import { encode, type Kept } from "@iot-esim/shared/asn1/schema";
import { Eid } from "@iot-esim/shared/ids/eid";
import { TransactionId } from "@iot-esim/shared/ids/transaction-id";
import { keepIn, type WireDialect } from "@iot-esim/shared/messages/sgp32/dialect/encode-in";
import { unsupportedIn } from "@iot-esim/shared/messages/sgp32/dialect/table";
import {
	type Eco,
	type EuiccPackage,
	EuiccPackageRequest,
	EuiccPackageSigned,
	type Psmo,
} from "@iot-esim/shared/messages/sgp32/euicc-package";
import { eimSignatureInput, NO_ASSOCIATION_TOKEN } from "@iot-esim/shared/security/signature-input";
import { EsimError } from "@iot-esim/shared/util/errors";
import type { Device } from "../domain/device.ts";
import { versionOfCard } from "../domain/dialect.ts";
import { type EuiccCommand, isFarewell, listOf } from "../domain/euicc-command.ts";
import { commandsOf } from "../domain/operation.ts";
import type { BuildPackage, BuiltPackage, PackageDraft } from "../storage/store.ts";
import { downloadTrigger } from "./download-trigger.ts";
import type { OwnEim } from "./eim-configuration.ts";
import type { EsipaDeps } from "./esipa-deps.ts";
import { writeCommand } from "./euicc-commands.ts";
import { euiccDataRequest } from "./euicc-data-request.ts";
import { SigningKeys } from "./signing-keys.ts";

type BuilderDeps = Pick<EsipaDeps, "signer" | "formerSigners" | "ownEim" | "settings" | "random">;

/** Builds what an operation sends: pure but for the signature, so the store may throw it away and ask again. */
export function packageBuilder(deps: BuilderDeps): BuildPackage {
	const signingKeys = new SigningKeys(deps.signer, deps.formerSigners);
	return (draft) => {
		const eimTransactionId = deps.random.bytes(16);
		const { operation } = draft;
		if (operation.type === "download") return downloadTrigger(operation.parameters, draft.device, eimTransactionId);
		if (operation.type === "readEuiccData") return euiccDataRequest(operation.parameters, eimTransactionId);
		return signedPackage({ deps, signingKeys }, draft, eimTransactionId);
	};
}

/** EuiccPackageRequest, signed over the received form of what it carries and the token (SGP.32 section 2.11.1.1). */
function signedPackage(
	{ deps, signingKeys }: { readonly deps: BuilderDeps; readonly signingKeys: SigningKeys },
	{ device, operation, counter }: PackageDraft,
	eimTransactionId: Uint8Array,
): BuiltPackage | Promise<BuiltPackage> {
	const signer = signingKeys.of(device);
	if (signer === undefined) {
		const text = `The eUICC knows this eIM by the key ${device.signingKeyId}, which is not configured (keys.formerSigningKeys).`;
		return { kind: "unbuildable", text, code: "DEVICE_KEY_MISSING" };
	}
	const commands = commandsOf(operation);
	if (isFarewell(commands, deps.settings.eimId) && device.euiccCertificate === undefined && !device.acceptUnverified) {
		const text =
			"After it the device asks this eIM for nothing more, and without the certificates of the eUICC its result could never be verified; order readEuiccData first.";
		return { kind: "unbuildable", text, code: "DEVICE_CERTIFICATES_UNKNOWN" };
	}
	const lacking = commands.flatMap((command) => missingOnCard(device, command) ?? [])[0];
	if (lacking !== undefined) return { kind: "unbuildable", text: lacking, code: "DEVICE_VERSION_LACKS_COMMAND" };
	let euiccPackageSigned: Kept<EuiccPackageSigned>;
	try {
		euiccPackageSigned = keepIn(cardDialect(device), EuiccPackageSigned, {
			eimId: deps.settings.eimId,
			eidValue: Eid.toBytes(device.eid),
			counterValue: counter,
			eimTransactionId,
			euiccPackage: packageOf(commands, { settings: deps.ownEim, signer: signingKeys.current }),
		});
	} catch (error) {
		// An order whose octets make no command must not keep those behind it from the device.
		if (!(error instanceof EsimError)) throw error;
		return { kind: "unbuildable", text: error.message, code: error.code };
	}
	const input = eimSignatureInput(euiccPackageSigned.der, device.associationToken ?? NO_ASSOCIATION_TOKEN);
	const finish = (eimSignature: Uint8Array): BuiltPackage => ({
		kind: "euiccPackage",
		bytes: encode(EuiccPackageRequest, { euiccPackageSigned, eimSignature }),
		counter,
		eimTransactionId: TransactionId.fromBytes(eimTransactionId),
	});
	const signature = signer.sign(input);
	return signature instanceof Promise ? signature.then(finish) : finish(signature);
}

/** The rules of a package have been checked when it was ordered: all of its commands are of one list. */
function packageOf(commands: readonly EuiccCommand[], own: OwnEim): EuiccPackage {
	const written = commands.map((command) => writeCommand(command, own));
	const [first] = commands;
	const isOnEims = first !== undefined && listOf(first) === "eco";
	return isOnEims ? { ecoList: written as Eco[] } : { psmoList: written as Psmo[] };
}

/** The forms that the device's card can read. */
function cardDialect({ dialect }: Device): WireDialect {
	return { version: versionOfCard(dialect), nestedCertificateArms: dialect.nestedCertificateArms };
}

/** Why the card cannot execute a command, when its version is known. */
function missingOnCard({ dialect }: Device, { type }: EuiccCommand): string | undefined {
	return dialect.euiccVersion && unsupportedIn(dialect.euiccVersion, type);
}

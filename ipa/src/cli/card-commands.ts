import { decode } from "@iot-esim/shared/asn1/schema";
import { Iccid } from "@iot-esim/shared/ids/iccid";
import { NotificationEvent } from "@iot-esim/shared/messages/sgp22/notification-metadata";
import { ProfileClassCode, ProfileStateCode } from "@iot-esim/shared/messages/sgp22/profile-info";
import { AddInitialEimErrorCode, EimSupportedProtocol } from "@iot-esim/shared/messages/sgp32/eim-configuration";
import { GetCertsResponse } from "@iot-esim/shared/messages/sgp32/es10b-card";
import { EUICCInfo2 } from "@iot-esim/shared/messages/sgp32/euicc-info";
import type { ProfileInfo } from "@iot-esim/shared/messages/sgp32/profile-info";
import { certificateToPem } from "@iot-esim/shared/pki/pem";
import { toHex } from "@iot-esim/shared/util/bytes";
import type { EimConfiguration } from "../card/eim-configuration.ts";
import type { CardSession } from "./card-session.ts";
import type { EimConfigurationFile } from "./eim-configuration-file.ts";
import { IpaCliError } from "./errors.ts";
import { facts, type Output, print, table } from "./output.ts";

/** `ipa card info`: who the card is, which eIMs it obeys, what it supports. */
export async function printCardInfo(card: CardSession, output: Output): Promise<void> {
	const eid = toHex(await card.es10.getEid());
	const eims = (await card.es10.getEimConfigurationData()).map(shownEim);
	const addresses = await card.es10.getConfiguredAddresses();
	const info2 = decodedInfo2(await card.es10.getEuiccInfo2());
	const value = {
		eid,
		firmware: info2 && version(info2.euiccFirmwareVer),
		sgp22Version: info2 && version(info2.svn),
		sgp32Versions: info2?.iotSpecificInfo?.iotVersion.map(version),
		profilePackageVersion: info2 && version(info2.profileVersion),
		signingCiKeys: info2?.euiccCiPKIdListForSigning.map(toHex),
		defaultSmdpAddress: addresses.defaultDpAddress,
		rootSmdsAddress: addresses.rootDsAddress,
		eims,
	};
	print(output, value, () => [
		...facts([
			["EID", eid],
			["Firmware", value.firmware],
			["SGP.22", value.sgp22Version],
			["SGP.32", value.sgp32Versions?.join(", ")],
			["Profile package", value.profilePackageVersion],
			["CI keys", value.signingCiKeys?.join(", ")],
			["Default SM-DP+", addresses.defaultDpAddress],
			["Root SM-DS", addresses.rootDsAddress],
		]),
		...(eims.length === 0
			? ["No eIM: associate the card with `ipa card add-eim FILE`."]
			: [
					table(
						["eIM", "FQDN", "Counter", "TLS trust", "Protocols"],
						eims.map((eim) => [
							eim.eimId,
							eim.eimFqdn ?? "-",
							String(eim.counterValue ?? "-"),
							eim.tlsTrust,
							eim.protocols?.join(", ") ?? "-",
						]),
					),
				]),
	]);
}

/** `ipa card profiles`. */
export async function printProfiles(card: CardSession, output: Output): Promise<void> {
	const profiles = (await card.es10.getProfilesInfo()).map(shownProfile);
	print(output, { profiles }, () =>
		profiles.length === 0
			? ["No profile on the card."]
			: [
					table(
						["ICCID", "State", "Class", "Provider", "Name", "Fallback"],
						profiles.map((one) => [
							one.iccid,
							one.state,
							one.profileClass ?? "-",
							one.serviceProviderName ?? "-",
							one.nickname ?? one.profileName ?? "-",
							one.isFallback ? "yes" : "-",
						]),
					),
				],
	);
}

/** `ipa card notifications`. */
export async function printNotifications(card: CardSession, output: Output): Promise<void> {
	const notifications = (await card.es10.listNotifications()).map((one) => ({
		seqNumber: one.seqNumber,
		operation: NotificationEvent.names(one.profileManagementOperation).join(", "),
		receiver: one.notificationAddress,
		iccid: one.iccid && printedIccid(one.iccid),
	}));
	print(output, { notifications }, () =>
		notifications.length === 0
			? ["No notification waits on the card."]
			: [
					table(
						["Number", "Operation", "Receiver", "ICCID"],
						notifications.map((one) => [String(one.seqNumber), one.operation, one.receiver, one.iccid ?? "-"]),
					),
				],
	);
}

/** `ipa card certificates`: EUM and eUICC, in this order, as programs for certificates take them. */
export async function printCertificates(
	card: CardSession,
	ci: Uint8Array | "" | undefined,
	output: Output,
): Promise<void> {
	const answer = decode(GetCertsResponse, await card.commands.getCerts(ci || undefined));
	if ("getCertsError" in answer) {
		const why = answer.getCertsError === 1 ? "it has none under this CI" : `code ${answer.getCertsError}`;
		throw new IpaCliError("IPA_CARD_REFUSED", `the card gives no certificates: ${why}`);
	}
	const eumCertificate = certificateToPem(answer.certs.eumCertificate);
	const euiccCertificate = certificateToPem(answer.certs.euiccCertificate);
	print(output, { eumCertificate, euiccCertificate }, () => [eumCertificate.trimEnd(), euiccCertificate.trimEnd()]);
}

/** `ipa card connectivity`. */
export async function printConnectivity(card: CardSession, output: Output): Promise<void> {
	const parameters = await card.es10.getConnectivityParameters();
	const httpParams = parameters && toHex(parameters);
	print(output, { httpParams }, () => [httpParams ?? "The enabled profile brings no connectivity parameters."]);
}

/** `ipa card default-smdp` without an address. */
export async function printDefaultSmdp(card: CardSession, output: Output): Promise<void> {
	const { defaultDpAddress } = await card.es10.getConfiguredAddresses();
	const address = defaultDpAddress === "" ? undefined : defaultDpAddress;
	print(output, { defaultSmdpAddress: address }, () => [address ?? "The card has no default SM-DP+."]);
}

/** Why a card refuses a list of revoked certificates (SGP.22 section 5.7.12). */
const CRL_REFUSALS: Readonly<Record<number, string>> = {
	1: "its signature is not that of the CI",
	2: "it cannot be read; it needs the identifier of its CI's key",
	3: "there is no room for it",
	4: "it is of a CI that the card does not know",
	5: "a fresher one is loaded already",
	6: "it is a part of a list whose base has to be loaded first",
};

/**
 * `ipa card load-crl`.
 * @throws IpaCliError IPA_CARD_REFUSED
 */
export async function loadCrl(card: CardSession, crl: Uint8Array, output: Output): Promise<void> {
	const answer = await card.commands.loadCrl(crl);
	if ("error" in answer) {
		const why = CRL_REFUSALS[answer.error] ?? `code ${answer.error}`;
		throw new IpaCliError("IPA_CARD_REFUSED", `the card does not take the list: ${why}`);
	}
	const { missingParts } = answer;
	print(output, { missingParts }, () => [
		missingParts.length === 0 ? "The card has the list." : `The card still needs the parts ${missingParts.join(", ")}.`,
	]);
}

/** `ipa card apdu`: each command and what the card answered. */
export async function printApdus(card: CardSession, apdus: readonly Uint8Array[], output: Output): Promise<void> {
	for (const apdu of apdus) {
		const response = await card.transmit(apdu);
		print(output, { command: toHex(apdu), response: toHex(response) }, () => [
			`> ${toHex(apdu)}`,
			`< ${toHex(response)}`,
		]);
	}
}

/** `ipa card apdu --es10`: ES10 commands over STORE DATA on the ISD-R. */
export async function printEs10(card: CardSession, commands: readonly Uint8Array[], output: Output): Promise<void> {
	for (const command of commands) {
		const response = await card.channel.call(command, false);
		print(output, { command: toHex(command), response: toHex(response) }, () => [
			`> ${toHex(command)}`,
			`< ${toHex(response)}`,
		]);
	}
}

/**
 * `ipa card add-eim`: the card takes its first eIMs from whoever holds the device.
 * @throws IpaCliError IPA_ASSOCIATION_REFUSED
 */
export async function addInitialEim(card: CardSession, file: EimConfigurationFile, output: Output): Promise<void> {
	const answer = await card.commands.addInitialEim(file.addInitialEimRequest);
	if ("addInitialEimError" in answer) {
		const code = answer.addInitialEimError;
		const name = Object.entries(AddInitialEimErrorCode).find(([, value]) => value === code)?.[0] ?? "unknown";
		throw new IpaCliError("IPA_ASSOCIATION_REFUSED", `the card refused the eIM: ${name} (${code})`);
	}
	const added = file.configurations.map((configuration, index) => {
		const given = answer.addInitialEimOk[index];
		const associationToken = given !== undefined && "associationToken" in given ? given.associationToken : undefined;
		return { eimId: configuration.eimId, eimFqdn: configuration.eimFqdn, associationToken };
	});
	print(output, { added }, () =>
		added.map(({ eimId, eimFqdn, associationToken }) => {
			const token = associationToken === undefined ? "" : `, association token ${associationToken}`;
			return `Associated with eIM ${eimId} at ${eimFqdn ?? "an unnamed address"}${token}.`;
		}),
	);
}

function shownEim(eim: EimConfiguration) {
	const { trustedTlsKey } = eim;
	const pinned = trustedTlsKey !== undefined && "publicKey" in trustedTlsKey ? "pinned key" : "certificate";
	return {
		eimId: eim.eimId,
		eimFqdn: eim.eimFqdn,
		counterValue: eim.counterValue,
		associationToken: eim.associationToken,
		tlsTrust: trustedTlsKey === undefined ? "none" : pinned,
		protocols: eim.supportedProtocol === undefined ? undefined : EimSupportedProtocol.names(eim.supportedProtocol),
		indirectProfileDownload: eim.indirectProfileDownload,
	};
}

function shownProfile(profile: ProfileInfo) {
	return {
		iccid: profile.iccid === undefined ? "-" : printedIccid(profile.iccid),
		state: profile.profileState === ProfileStateCode.enabled ? "enabled" : "disabled",
		profileClass: Object.entries(ProfileClassCode).find(([, code]) => code === profile.profileClass)?.[0],
		serviceProviderName: profile.serviceProviderName,
		profileName: profile.profileName,
		nickname: profile.profileNickname === "" ? undefined : profile.profileNickname,
		isFallback: profile.fallbackAttribute,
	};
}

function printedIccid(octets: Uint8Array): string {
	try {
		return Iccid.fromBytes(octets);
	} catch {
		return toHex(octets);
	}
}

/** A card whose EUICCInfo2 cannot be read is still shown. */
function decodedInfo2(der: Uint8Array): EUICCInfo2 | undefined {
	try {
		return decode(EUICCInfo2, der);
	} catch {
		return undefined;
	}
}

function version(octets: Uint8Array): string {
	return [...octets].join(".");
}

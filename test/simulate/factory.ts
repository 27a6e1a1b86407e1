import { addInitialEimRequest } from "@iot-esim/eim/esipa/eim-configuration";
import type { EimSigner } from "@iot-esim/eim/keys/eim-signer";
import { memoryKey } from "@iot-esim/eim/keys/file-key";
import { inProcessDriver } from "@iot-esim/ipa/card/drivers/in-process";
import { Es10Commands } from "@iot-esim/ipa/card/es10-commands";
import { IsdRChannel } from "@iot-esim/ipa/card/isd-r-channel";
import type { Eid } from "@iot-esim/shared/ids/eid";
import { Iccid } from "@iot-esim/shared/ids/iccid";
import { parseCertificate } from "@iot-esim/shared/pki/certificate";
import type { Subscriber } from "@iot-esim/shared/profile/subscriber";
import { silentLogger } from "@iot-esim/shared/runtime/logger";
import { Card } from "@iot-esim/sim/euicc/card";
import { createCard, personalisationOf } from "@iot-esim/sim/euicc/create-card";
import { DEFAULT_LIMITS } from "@iot-esim/sim/euicc/file-system/installation-limits";
import { profileFileSystems } from "@iot-esim/sim/euicc/file-system/profile-file-systems";
import { MemoryDisk } from "@iot-esim/sim/euicc/nvm/disk";
import { Nvm } from "@iot-esim/sim/euicc/nvm/nvm";
import { subscriberOfUpp } from "@iot-esim/sim/network/subscriber-source";
import { profileFromFile } from "@iot-esim/sim/smdp/orders/import-profile";
import type { NewProfile } from "@iot-esim/sim/smdp/orders/inventory";
import { EIM_ID, SMDP_ADDRESS, SMDS_ADDRESS, START } from "./addresses.ts";
import { Draws } from "./draws.ts";
import { makeSimulationPki, type SimulationPki } from "./pki.ts";
import type { DiskState } from "./rsp-server-part.ts";
import { makeSmdpState } from "./rsp-servers.ts";

/** A profile that a device has, or may be given. */
export interface ProfileOfDevice {
	readonly iccid: Iccid;
	/** MCC and MNC of the only network that takes it. */
	readonly plmn: string;
	/** How a device comes to its order at the SM-DP+. */
	readonly found: (typeof WAYS)[number];
	/** Of the order; empty when the SM-DP+ finds it by the EID. */
	readonly matchingId: string;
	readonly made: NewProfile;
	readonly subscriber: Subscriber;
}

/** A device as it leaves the factory. */
export interface DeviceModel {
	readonly eid: Eid;
	/** The memory of its card: the bootstrap profile is enabled, and the eIM associated. */
	readonly memory: Uint8Array;
	readonly bootstrap: ProfileOfDevice;
	readonly ordered: readonly ProfileOfDevice[];
	/** Its eIM leaves downloads to the IPA. */
	readonly isDirect: boolean;
}

const WAYS = ["activationCode", "activationCode", "smds", "defaultSmdp"] as const;

const DEVICES = 2;

/** What all runs of a process begin with. */
export interface Factory {
	readonly pki: SimulationPki;
	readonly signer: EimSigner;
	readonly devices: readonly DeviceModel[];
	readonly smdp: DiskState;
}

let made: Promise<Factory> | undefined;

/** Made once for a process. */
export function factory(): Promise<Factory> {
	made ??= makeFactory();
	return made;
}

async function makeFactory(): Promise<Factory> {
	const pki = makeSimulationPki(START, DEVICES);
	const signer = memoryKey(pki.eimSign.privateKey, pki.eimSign.certificate);
	const devices: DeviceModel[] = [];
	for (let index = 0; index < DEVICES; index++) devices.push(await makeDevice(pki, signer, index));
	return { pki, signer, devices, smdp: await makeSmdpState(pki, devices) };
}

async function makeDevice(pki: SimulationPki, signer: EimSigner, index: number): Promise<DeviceModel> {
	const euicc = pki.euiccs[index];
	if (euicc === undefined) throw new Error(`there is no eUICC ${index}`);
	const bootstrap = makeProfile(index, 0, "activationCode");
	const ordered = WAYS.map((found, way) => makeProfile(index, way + 1, found));
	const isDirect = index === 1;
	const random = new Draws(0xca4d).stream(euicc.eid);
	const fileSystems = profileFileSystems(DEFAULT_LIMITS, random);
	const disk = new MemoryDisk();
	const personalisation = personalisationOf([{ ci: pki.ci, eum: pki.eum, euicc }], {
		rootSmdsAddress: SMDS_ADDRESS,
		defaultSmdpAddress: SMDP_ADDRESS,
	});
	const upp = bootstrap.made.package;
	createCard(new Nvm(disk), personalisation, fileSystems, [{ unprotectedProfilePackage: upp, isEnabled: true }]);
	const card = new Card({ nvm: new Nvm(disk), fileSystems, random });
	const driver = inProcessDriver({ reset: () => card.powerOn(), transmit: (apdu) => card.transmit(apdu) });
	const channel = new IsdRChannel(driver, { proactive: "agent", logger: silentLogger("factory") });
	const spki = parseCertificate(pki.eimSign.certificate).spkiDer;
	const tlsTrust = { kind: "publicKey", spki } as const;
	const configuration = { eimId: EIM_ID, eimFqdn: EIM_ID, tlsTrust, indirectProfileDownload: !isDirect };
	await new Es10Commands(channel).addInitialEim(addInitialEimRequest(configuration, signer));
	await channel.close();
	const memory = disk.read();
	if (memory === undefined) throw new Error("the card has no memory");
	return { eid: euicc.eid, memory, bootstrap, ordered, isDirect };
}

/** Number 0 is the one that the card comes with. */
function makeProfile(device: number, number: number, found: ProfileOfDevice["found"]): ProfileOfDevice {
	const plmn = `0010${number + 1}`;
	const iccid = withCheckDigit(`8900${plmn}00000${device}000${number + 1}`);
	const description = `
iccid: "${iccid}"
imsi: "${plmn}00000${device}00${number}0"
ki: "000102030405060708090A0B0C0D0E0F"
opc: "101112131415161718191A1B1C1D1E1F"
spn: "Network ${number}"
profileName: "Profile ${number} of device ${device}"
`;
	const contents = new TextEncoder().encode(description);
	const made = profileFromFile({ fileName: "p.yaml", contents, smdpAddress: SMDP_ADDRESS, profileType: "iot" });
	const subscriber = subscriberOfUpp(made.package, iccid);
	const matchingId = found === "defaultSmdp" ? "" : `MATCH-${device}-${number}`;
	return { iccid, plmn, found, matchingId, made, subscriber };
}

/** The last digit of an ICCID (ITU-T E.118, Luhn). */
function withCheckDigit(first: string): Iccid {
	let sum = 0;
	for (let i = 0; i < first.length; i++) {
		const digit = Number(first[first.length - 1 - i]) * (i % 2 === 0 ? 2 : 1);
		sum += digit > 9 ? digit - 9 : digit;
	}
	return Iccid(`${first}${(10 - (sum % 10)) % 10}`);
}

/**
 * The public face of the IPA as a library. Every effect comes in as an interface:
 * @example
 * const ipa = createIpa({
 * 	driver: vpcdDriver({ address: { host: "127.0.0.1", port: 35964 }, clock: systemClock }),
 * 	link: (eim) => httpAsn1Link(eim, { clock: systemClock, timeout: Seconds(30) }),
 * 	journal: await openJournal(fileJournalStorage("state/journal.log")),
 * 	clock: systemClock,
 * 	random: systemRandom,
 * 	logger,
 * 	settings: settingsOf(readConfig(ipaConfig, {}), "modem"),
 * });
 * ipa.events.on("profile-installed", ({ iccid }) => console.log(iccid));
 * await ipa.run(signal);
 */

export { type CycleResult, createIpa, type Ipa, type IpaDeps, type IpaSettings } from "./agent.ts";
export type { CardDriver } from "./card/card-channel.ts";
export { type InProcessCard, inProcessDriver } from "./card/drivers/in-process.ts";
export { driverFor } from "./card/drivers/open-driver.ts";
export { pcscDriver } from "./card/drivers/pcsc.ts";
export { vpcdDriver, vpcdListenDriver } from "./card/drivers/vpcd-tcp.ts";
export type { EimConfiguration } from "./card/eim-configuration.ts";
export { CardError } from "./card/errors.ts";
export { Es10 } from "./card/es10.ts";
export { Es10Commands } from "./card/es10-commands.ts";
export { IsdRChannel } from "./card/isd-r-channel.ts";
export { type IpaConfig, ipaConfig, settingsOf } from "./config.ts";
export { Es9PlusClient } from "./es9plus/es9plus-client.ts";
export type { Es9PlusLink } from "./es9plus/es9plus-link.ts";
export { type Es9PlusOptions, openEs9PlusClient } from "./es9plus/open-client.ts";
export { EsipaLinkError } from "./esipa/errors.ts";
export type { EsipaLink } from "./esipa/esipa-link.ts";
export { httpAsn1Link } from "./esipa/http-asn1.ts";
export { httpJsonLink } from "./esipa/http-json.ts";
export type { EsipaTarget } from "./esipa/http-link.ts";
export { createTransferFace, type TransferFaceDeps } from "./esipa/transfer-face.ts";
export { ProcedureError } from "./procedures/errors.ts";
export type { IpaEvents } from "./procedures/event-emitter.ts";
export type { IpaEvent } from "./procedures/ipa-event.ts";
export type { ProcedureSettings } from "./procedures/procedure-context.ts";
export { type Journal, openJournal } from "./state/journal.ts";
export { fileJournalStorage, type JournalStorage, memoryJournalStorage } from "./state/journal-storage.ts";

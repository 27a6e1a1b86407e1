/** `node dist/examples/ipa-library.js CARD STATE-FOLDER [PROXY]`: the IPA as a library inside of a device's own program. */

import {
	createIpa,
	driverFor,
	fileJournalStorage,
	httpAsn1Link,
	type IpaSettings,
	openJournal,
} from "@iot-esim/ipa/index";
import { systemClock as clock } from "@iot-esim/shared/runtime/clock";
import { pinoLogger } from "@iot-esim/shared/runtime/pino-logger";
import { systemRandom } from "@iot-esim/shared/runtime/random";
import { fromHex } from "@iot-esim/shared/util/bytes";
import { Minutes, Seconds } from "@iot-esim/shared/util/duration";

const [cardAddress = "vpcd://127.0.0.1:35964", stateFolder = "ipa-state", proxy] = process.argv.slice(2);

// The card: through the modem, a bare one, or any object with the methods of CardDriver.
const { driver, proactive } = driverFor(cardAddress, { clock, timeout: Seconds(60) });

const settings: IpaSettings = {
	card: { proactive },
	procedures: {
		refreshDelay: Seconds(1),
		refreshTimeout: Seconds(60),
		rollbackAfter: Minutes(5),
		deliveryRetry: Seconds(5),
		immediateEnable: false,
		consentGranted: true,
		deviceInfo: { tac: fromHex("35000000"), deviceCapabilities: {} },
	},
	pollInterval: Minutes(15),
	retryAfter: Seconds(10),
	retryAtMost: Minutes(15),
	packagesInOneGo: 50,
};

const ipa = createIpa({
	driver,
	settings,
	clock,
	random: systemRandom,
	logger: pinoLogger({ level: "info", program: "meter" }),
	// What must survive a power cut; it has to be on storage that keeps what was synchronised.
	journal: await openJournal(fileJournalStorage(`${stateFolder}/journal.log`)),
	// Where the eIM is and which key its server must show comes from the card.
	link: (eim) => httpAsn1Link(eim, { clock, timeout: Seconds(30), ...(proxy === undefined ? {} : { proxy }) }),
});

// Facts as they happen, typed by their name.
ipa.events.on("profile-installed", ({ iccid }) => console.log(`installed ${iccid}`));
ipa.events.on("refresh-finished", () => console.log("another profile is enabled: the device attaches anew"));
ipa.events.on("result-delivered", ({ eimId }) => console.log(`result delivered to ${eimId}`));

// One round when the device is awake anyway, or `run` for rounds with pauses in between until the signal.
const stopping = new AbortController();
process.once("SIGTERM", () => stopping.abort());
await ipa.run(stopping.signal);

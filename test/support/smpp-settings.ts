import { Seconds } from "@iot-esim/shared/util/duration";

/** Settings of an SmppLink whose password its SMSC knows. */
export const smppSettings = {
	systemId: "eim",
	password: "secret",
	systemType: "",
	window: 10,
	perSecond: 100,
	enquireEvery: Seconds(60),
	answerWithin: Seconds(10),
};

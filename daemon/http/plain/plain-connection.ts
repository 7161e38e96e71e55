// SPDX-License-Identifier: Apache-2.0
import { asLeatError, LeatError } from '../../errors/leat-error.ts';
import { FRAMING, SIDE, WAIT } from '../../native/http-engine.ts';
import type { HttpRoute } from '../../routing/route.ts';
import { type AttemptShape, Attempts, type Verdict } from '../attempts.ts';
import { endsConnection, errorResponse, errorResponseBytes } from '../error-response.ts';
import type { CredentialHeader, HttpContext, OpenRecord } from '../ports.ts';
import { newRequestId } from '../request-id.ts';
import { upstreamError } from '../upstream-error.ts';
import { describeFailure, describeWait } from './plain-error.ts';
import type { AnswerTaker, PlainEnd, PlainPorts } from './plain-ports.ts';
import { type RequestPlan, writeRequest } from './plan-request.ts';
import { MOST_KEPT_BYTES } from './share-plans.ts';
import type { UpstreamLeg } from './upstream-legs.ts';
import { type WrittenAnswer, writeAnswer, writeInterim } from './write-answer.ts';

/** `decides`: TypeScript has the word; the others wait for rows. */
type Phase = 'idle' | 'decides' | 'asked' | 'answers' | 'refuses' | 'over';

const NO_PROOF: readonly CredentialHeader[] = [];
const MOST_INTERIM_ANSWERS = 16;

/** A downstream connection on the plain path: the story of serve-request.ts, told by rows of the engine. */
export class PlainConnection implements AnswerTaker {
  readonly #ports: PlainPorts;
  readonly #context: HttpContext;
  readonly #ended = Promise.withResolvers<PlainEnd>();
  readonly #slot: number;
  #phase: Phase = 'idle';
  #served = 0;
  #error: LeatError | null = null;
  // Of the request at hand.
  #plan: RequestPlan | null = null;
  #record: OpenRecord | null = null;
  #requestId = '';
  #attempts: Attempts | null = null;
  #proof = NO_PROOF;
  #leg: UpstreamLeg | null = null;
  #answer: WrittenAnswer | null = null;
  #interim = 0;
  #wasSent = false;
  /** The leg had served before: where it ended meanwhile, nobody is to blame. */
  #hasRested = false;
  /** Of what is waited for: a credential, a dial, a moment. */
  #waiting: AbortController | null = null;

  /** @param slot of the engine */
  constructor(slot: number, context: HttpContext, ports: PlainPorts) {
    this.#slot = slot;
    this.#context = context;
    this.#ports = ports;
  }

  get ended(): Promise<PlainEnd> {
    return this.#ended.promise;
  }

  get signal(): AbortSignal {
    return this.#context.signal;
  }

  get isIdle(): boolean {
    return this.#phase === 'idle';
  }

  /** Ends it in order. Only while it is idle. */
  end(error: LeatError | null): void {
    this.#phase = 'over';
    this.#error = error;
    this.#ports.engine.end(this.#slot);
  }

  /** Ends it at once, in whatever state. */
  fail(error: LeatError): void {
    if (this.#phase !== 'over') this.#breakOff(error, 0, 0);
  }

  /** @param offset @param length of the head, in the engine's inbox */
  onRequest(offset: number, length: number): void {
    const { engine, planOf } = this.#ports;
    let route: HttpRoute | null = null;
    try {
      route = this.#context.currentRoute();
    } catch {
      // Refused now: by the general path, as all that is refused.
    }
    let plan = this.#plan;
    if (plan === null || plan.route !== route || !engine.isHead(offset, length, plan.received)) {
      plan = route === null ? null : planOf(offset, length, route, this.#context.workload);
      if (plan === null) {
        this.#handOver(engine.headText(offset, length), false);
        return;
      }
      this.#plan = plan;
    }
    this.#requestId = plan.requestId ?? newRequestId();
    this.#record = this.#context.startRequest({ method: plan.request.head.method, path: plan.path });
    this.#record.add({ requestId: this.#requestId });
    this.#record.add(plan.facts);
    this.#attempts = new Attempts(plan.admitted);
    this.#interim = 0;
    this.#wasSent = false;
    this.#phase = 'decides';
    this.#send(plan);
  }

  /** The leg waits for the answer to what goes past it. Told of late, or of a leg that failed: nothing is sent. */
  onAsked(): void {
    if (this.#phase !== 'asked' || this.#plan === null) return;
    // Anew: other connections may have written theirs since.
    this.#leg?.tls?.send(writeRequest(this.#plan, this.#proof, this.#requestId));
  }

  onOdd(): void {
    this.#handOver('', false);
  }

  /** As {@link onRequest}, of the upstream's answer. */
  onAnswer(offset: number, length: number): void {
    const plan = this.#plan;
    const { engine } = this.#ports;
    if (plan === null || this.#phase !== 'asked') return;
    let answer = plan.answer;
    if (answer === null || !engine.isHead(offset, length, answer.received)) {
      const { head } = plan.request;
      const text = engine.headText(offset, length);
      answer = writeAnswer(text, head.method, { ...plan.admitted, route: plan.route, requestId: this.#requestId });
      if (answer === null) {
        this.#failUpstream(describeFailure(SIDE.upstream, 'EPROTO', plan.authority), 0);
        return;
      }
      if (answer.status < 200) {
        this.#passInterim(answer, plan);
        return;
      }
      plan.answer = length > MOST_KEPT_BYTES ? null : answer;
    }
    this.#answer = answer;
    if (this.#attempts?.isFinal(answer.status, this.#shape(plan))) {
      this.#reply(plan, answer);
      return;
    }
    this.#phase = 'decides';
    this.#run((signal) => this.#judge(plan, answer, signal));
  }

  onDone(sentBytes: number, receivedBytes: number, mayServeAgain: boolean): void {
    if (this.#phase === 'over') return;
    const { legs } = this.#ports;
    if (this.#leg !== null) legs.giveBack(this.#leg, mayServeAgain ? (this.#answer?.keepAliveMs ?? null) : 0);
    this.#leg = null;
    this.#endRecord(sentBytes, receivedBytes, null);
    this.#served += 1;
    this.#phase = 'idle';
    if (this.#plan !== null && this.#plan.received.length > MOST_KEPT_BYTES) this.#plan = null;
  }

  /** @param sentBytes below 0: nothing left, for the upstream connection had ended before it was asked */
  onFailed(side: number, errno: string, sentBytes: number, receivedBytes: number): void {
    const plan = this.#plan;
    if (plan === null || this.#phase === 'over') return;
    if (sentBytes < 0 && this.#hasRested) {
      this.#dropLeg();
      this.#wasSent = false;
      this.#phase = 'decides';
      this.#takeLeg(plan);
      return;
    }
    const error = this.#describe(side, errno, plan);
    if (this.#phase !== 'asked' || (side === SIDE.downstream && errno !== 'EPROTO')) {
      this.#breakOff(error, sentBytes, receivedBytes);
    } else if (side === SIDE.downstream) {
      this.#refuse(error, sentBytes);
    } else {
      this.#failUpstream(error, Math.max(sentBytes, 0));
    }
  }

  onLate(wait: number, sentBytes: number, receivedBytes: number): void {
    if (this.#phase === 'over') return;
    if (wait === WAIT.head) this.#handOver('', true);
    else if (wait === WAIT.request) {
      this.end(
        this.#served > 0 ? null : new LeatError('REQUEST_TIMEOUT', 'the header of the request did not arrive in time'),
      );
    } else if (this.#phase === 'idle') {
      // It was answered before it was whole.
      this.#breakOff(new LeatError('REQUEST_TIMEOUT', "the rest of the request's body did not arrive in time"), 0, 0);
    } else {
      const error = describeWait(wait, (this.#plan as RequestPlan).admitted.target.destination);
      if (this.#phase === 'asked') this.#refuse(error, sentBytes);
      else this.#breakOff(error, sentBytes, receivedBytes);
    }
  }

  /** The client ended: between two requests, or before the answer had begun. */
  onEnded(errno: string | null): void {
    if (this.#phase === 'over') return;
    if (this.#phase === 'idle' && errno === null) this.end(null);
    else this.#breakOff(describeFailure(SIDE.downstream, errno ?? 'ECONNRESET', ''), 0, 0);
  }

  onGone(readBytes: number, writtenBytes: number): void {
    const result = { sentBytes: readBytes, receivedBytes: writtenBytes, error: this.#error };
    this.#ended.resolve({ kind: 'gone', result });
  }

  /** Credential, connection, request: each at once where it is there. */
  #send(plan: RequestPlan): void {
    const { destination } = plan.admitted.target;
    const { authentication } = plan.admitted;
    const { credentials } = this.#ports;
    let atHand: readonly CredentialHeader[] | null;
    try {
      atHand = credentials.headersAtHand?.(authentication) ?? null;
    } catch (cause) {
      this.#refuse(asLeatError(cause), 0);
      return;
    }
    if (atHand !== null) {
      this.#proof = atHand;
      this.#takeLeg(plan);
      return;
    }
    this.#run(async (signal) => {
      this.#proof = await credentials.headersFor(destination, authentication, this.#caller(plan), signal);
      signal.throwIfAborted();
      this.#takeLeg(plan);
    });
  }

  #takeLeg(plan: RequestPlan): void {
    const { legs } = this.#ports;
    const pool = legs.poolOf(plan.poolKey);
    const leg = legs.take(pool);
    this.#hasRested = leg !== null;
    if (leg !== null) {
      this.#ask(plan, leg);
      return;
    }
    this.#run(async (signal) => {
      let dialled: UpstreamLeg;
      try {
        dialled = await legs.dial(pool, plan.admitted, signal);
      } catch (cause) {
        signal.throwIfAborted();
        this.#failUpstream(upstreamError(cause, plan.authority), 0);
        return;
      }
      this.#ask(plan, dialled);
    });
  }

  #ask(plan: RequestPlan, leg: UpstreamLeg): void {
    const { engine, follow } = this.#ports;
    const { destination } = plan.admitted.target;
    let head: Buffer;
    this.#leg = leg;
    try {
      head = writeRequest(plan, this.#proof, this.#requestId);
    } catch (cause) {
      this.#refuse(asLeatError(cause), 0);
      return;
    }
    this.#phase = 'asked';
    this.#wasSent = true;
    follow(leg.slot, this);
    const { responseTimeoutMs, idleTimeoutMs } = destination;
    if (leg.tls?.takesNext(this.#shape(plan).hasBody)) {
      engine.askAhead(this.#slot, leg.slot, responseTimeoutMs, idleTimeoutMs);
    } else {
      engine.ask(this.#slot, leg.slot, head, plan.request.body, responseTimeoutMs, idleTimeoutMs);
    }
  }

  /** Where TLS ended the leg, it knows better than the leg why. */
  #describe(side: number, errno: string, { authority }: RequestPlan): LeatError {
    const failure = side === SIDE.upstream && errno !== 'EPROTO' ? this.#leg?.tls?.failure : null;
    return failure == null ? describeFailure(side, errno, authority) : upstreamError(failure, authority);
  }

  #passInterim(answer: WrittenAnswer, plan: RequestPlan): void {
    this.#interim += 1;
    if (answer.status === 101 || this.#interim > MOST_INTERIM_ANSWERS) {
      const what =
        answer.status === 101 ? 'changed the protocol without being asked' : 'sent no answer, but interim ones';
      this.#failUpstream(new LeatError('UPSTREAM_RESPONSE_INVALID', `${plan.authority} ${what}`), 0);
      return;
    }
    this.#ports.engine.interim(this.#slot, writeInterim(answer.status, answer.headers));
  }

  async #judge(plan: RequestPlan, answer: WrittenAnswer, signal: AbortSignal): Promise<void> {
    const { target, authentication } = plan.admitted;
    const { credentials } = this.#ports;
    const verdict = await (this.#attempts as Attempts).judgeAnswer(answer.status, this.#shape(plan), () =>
      credentials.rejected(target.destination, authentication, this.#caller(plan), this.#proof, signal),
    );
    signal.throwIfAborted();
    if (verdict === 'final') this.#reply(plan, answer);
    else await this.#repeat(plan, verdict, signal);
  }

  async #repeat(plan: RequestPlan, verdict: Verdict, signal: AbortSignal): Promise<void> {
    this.#dropLeg();
    this.#phase = 'decides';
    if (verdict === 'again') await this.#attempts?.wait(signal);
    this.#wasSent = false;
    this.#send(plan);
  }

  #reply(plan: RequestPlan, answer: WrittenAnswer): void {
    const { engine, isDraining } = this.#ports;
    const isLast = plan.request.isLast || answer.body.framing === FRAMING.untilEnd || isDraining();
    this.#record?.add({ status: answer.status, attempts: this.#attempts?.count ?? 1 });
    this.#phase = 'answers';
    const { idleTimeoutMs } = plan.admitted.target.destination;
    engine.answer(this.#slot, isLast ? answer.lastBytes : answer.bytes, answer.body, isLast, idleTimeoutMs);
  }

  /** Before the answer has begun: another attempt where that is safe, else an answer of ours. */
  #failUpstream(error: LeatError, sentBytes: number): void {
    const plan = this.#plan as RequestPlan;
    const verdict = this.#attempts?.judgeFailure(error, this.#shape(plan)) ?? 'final';
    if (verdict === 'final') this.#refuse(error, sentBytes);
    else this.#run((signal) => this.#repeat(plan, verdict, signal));
  }

  #refuse(error: LeatError, sentBytes: number): void {
    const plan = this.#plan as RequestPlan;
    this.#dropLeg();
    const refusal = errorResponse(error, this.#requestId, 'own');
    this.#record?.add({ status: refusal.status });
    this.#endRecord(sentBytes, 0, error);
    const isLast = plan.request.isLast || endsConnection(error) || this.#ports.isDraining();
    const { idleTimeoutMs } = plan.admitted.target.destination;
    // An answer to HEAD has no body, whatever its length says.
    const body = plan.request.head.method === 'HEAD' ? '' : refusal.body;
    const bytes = errorResponseBytes({ ...refusal, body }, isLast);
    this.#phase = 'refuses';
    this.#ports.engine.refuse(this.#slot, bytes, plan.request.body, isLast, idleTimeoutMs);
  }

  /** A reset, for the client or because it is gone: where an answer has begun, nothing else tells that it is not whole. */
  #breakOff(error: LeatError, sentBytes: number, receivedBytes: number): void {
    if (this.#phase !== 'answers') this.#record?.add({ status: error.status });
    this.#phase = 'over';
    this.#error = error.code === 'CLIENT_RESET' || error.code === 'DRAINED' ? error : this.#error;
    this.#endRecord(sentBytes, receivedBytes, error);
    this.#waiting?.abort(error);
    this.#dropLeg();
    this.#ports.engine.reset(this.#slot, 'downstream');
  }

  #handOver(head: string, isLate: boolean): void {
    const { fd, rest, readBytes, writtenBytes } = this.#ports.engine.release(this.#slot);
    this.#ports.leave(this.#slot);
    this.#phase = 'over';
    const bytes = head === '' ? rest : Buffer.concat([Buffer.from(head, 'latin1'), rest]);
    this.#ended.resolve({ kind: 'handedOver', fd, bytes, isLate, readBytes: readBytes - head.length, writtenBytes });
  }

  #endRecord(sentBytes: number, receivedBytes: number, error: LeatError | null): void {
    this.#record?.end({ sentBytes, receivedBytes, error });
    this.#record = null;
    this.#requestId = '';
  }

  #dropLeg(): void {
    if (this.#leg !== null) this.#ports.legs.drop(this.#leg);
    this.#leg = null;
  }

  /** Waits for something, as long as the connection does. What it throws is the request's failure. */
  #run(work: (signal: AbortSignal) => Promise<void>): void {
    const waiting = new AbortController();
    this.#waiting = waiting;
    const settle = (): void => {
      if (this.#waiting === waiting) this.#waiting = null;
    };
    work(waiting.signal).then(settle, (cause: unknown) => {
      settle();
      if (!waiting.signal.aborted) this.#refuse(upstreamError(cause, this.#plan?.authority ?? ''), 0);
    });
  }

  #caller({ request }: RequestPlan) {
    return { headers: request.head.headers, namespace: this.#context.workload.namespace };
  }

  #shape({ request }: RequestPlan): AttemptShape {
    const hasBody = request.body.framing !== FRAMING.none;
    // Once it was asked for, some of it may have gone: it can't be read again.
    return { method: request.head.method, hasBody, bodyStarted: hasBody && this.#wasSent };
  }
}

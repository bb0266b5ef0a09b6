"""Publishes a request to fund a swipe, and prints what is answered: the URL of RabbitMQ, and the request's body."""

import sys

import pika

url, body = sys.argv[1:]
channel = pika.BlockingConnection(pika.URLParameters(url)).channel()
answers = channel.queue_declare("", exclusive=True).method.queue
channel.confirm_delivery()
channel.basic_publish(
    "transactions",
    "jit-funding.created",
    body.encode(),
    pika.BasicProperties(reply_to=answers, correlation_id="question-1"),
    mandatory=True,
)
for _, properties, answer in channel.consume(answers, auto_ack=True, inactivity_timeout=60):
    assert properties is not None, "nobody answers"
    assert properties.correlation_id == "question-1", properties
    print(answer.decode())
    break

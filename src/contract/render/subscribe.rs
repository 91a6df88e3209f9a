//! How a consumer gets a topic's messages: texts to copy.

use super::Topic;
use crate::delivery::ContractId;

/// The attributes of a subscription, as the AWS CLI takes them.
pub(super) fn attributes(topic: &Topic, id: &ContractId) -> String {
    if topic.fifo {
        return r#"{"RawMessageDelivery":"true"}"#.to_owned();
    }
    format!(r#"{{"RawMessageDelivery":"true","FilterPolicy":"{{\"type\":[\"{id}\"]}}"}}"#)
}

/// A CloudFormation template: queue, dead-letter queue, policy, subscription.
pub(super) fn template(topic: &Topic, id: &ContractId) -> String {
    let (fifo, filter) = if topic.fifo {
        ("\n      FifoQueue: true", String::new())
    } else {
        ("", format!("\n      FilterPolicy: {{ type: [{id}] }}"))
    };
    let end = if topic.fifo { ".fifo" } else { "" };
    let key = &topic.key;
    let arn = &topic.arn;
    format!(
        r#"AWSTemplateFormatVersion: "2010-09-09"
Parameters:
  Name: {{ Type: String, Default: my-{key} }}
Resources:
  DeadLetters:
    Type: AWS::SQS::Queue
    Properties:
      QueueName: !Sub "${{Name}}-dead{end}"{fifo}
      MessageRetentionPeriod: 1209600
  Queue:
    Type: AWS::SQS::Queue
    Properties:
      QueueName: !Sub "${{Name}}{end}"{fifo}
      MessageRetentionPeriod: 1209600
      RedrivePolicy: {{ deadLetterTargetArn: !GetAtt DeadLetters.Arn, maxReceiveCount: 5 }}
  MaySend:
    Type: AWS::SQS::QueuePolicy
    Properties:
      Queues: [!Ref Queue]
      PolicyDocument:
        Version: "2012-10-17"
        Statement:
          - Effect: Allow
            Principal: {{ Service: sns.amazonaws.com }}
            Action: sqs:SendMessage
            Resource: !GetAtt Queue.Arn
            Condition: {{ ArnEquals: {{ aws:SourceArn: "{arn}" }} }}
  Subscription:
    Type: AWS::SNS::Subscription
    Properties:
      TopicArn: {arn}
      Protocol: sqs
      Endpoint: !GetAtt Queue.Arn
      RawMessageDelivery: true{filter}
"#
    )
}

/// The subscription for Terraform.
pub(super) fn terraform(topic: &Topic, id: &ContractId) -> String {
    let filter = if topic.fifo {
        String::new()
    } else {
        format!("\n  filter_policy        = jsonencode({{ type = [\"{id}\"] }})")
    };
    let name: String = topic.key.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }).collect();
    format!(
        r#"resource "aws_sns_topic_subscription" "{name}" {{
  topic_arn            = "{arn}"
  protocol             = "sqs"
  endpoint             = aws_sqs_queue.{name}.arn
  raw_message_delivery = true{filter}
}}
"#,
        arn = topic.arn
    )
}

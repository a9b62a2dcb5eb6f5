import { expect, test } from './helpers';

test('ask about a picture, see the card, forget it', async ({ page, perdure }) => {
  test.setTimeout(240_000);
  await perdure.start('pictures.ipynb');
  await perdure.panel.getByRole('tab', { name: 'Answers' }).click();
  await expect(perdure.panel).toContainText('No image question has been asked here yet');
  await perdure.cell('%load_ext perdure');
  await perdure.cell(
    [
      'from PIL import Image, ImageDraw',
      'photo = Image.new("RGB", (64, 64), "white")',
      'ImageDraw.Draw(photo).ellipse((14, 14, 50, 50), "red")'
    ].join('\n')
  );
  await perdure.cell('%cot ask -i photo -o seen What shape is in the image?');
  await perdure.cell('%cot ask -i photo What shape is in the image?');
  await perdure.button('Look again', page.locator('#perdure-main')).click();
  const cards = perdure.panel.locator('.perdure-Card');
  await expect(cards).toHaveCount(2);
  await expect(cards.first()).toContainText('exact hit');
  await expect(cards.first()).toContainText('What shape is in the image?');
  await expect(perdure.panel.locator('.perdure-Stats')).toContainText('calls saved');
  const picture = cards.first().locator('img');
  await expect.poll(() => picture.evaluate((image: HTMLImageElement) => image.naturalWidth)).toBeGreaterThan(0);

  await cards.first().getByRole('button', { name: 'Why' }).click();
  await expect(cards.first().locator('.perdure-Card-detail')).toContainText('tokens in');
  await perdure.look('answers');

  await perdure.panel.getByLabel('Who answered').selectOption('exact');
  await expect(cards).toHaveCount(1);
  await perdure.panel.getByLabel('Who answered').selectOption('');
  await expect(cards).toHaveCount(2);

  await cards.last().getByRole('button', { name: /^Pin/ }).click();
  await expect(cards.last()).toContainText('pinned');
  await cards.last().getByRole('button', { name: 'Why' }).click();
  await cards.last().getByRole('button', { name: 'Forget…' }).click();
  await page.locator('.jp-Dialog').getByRole('button', { name: 'Forget' }).click();
  await expect(perdure.told).toContainText('Forgotten');
  await expect(cards).toHaveCount(0);
});
